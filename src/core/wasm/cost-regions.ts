import { fuel, mostChargeFuel } from './meter-costs.ts'
import { patch, type PatchList } from './patch-list.ts'
import { WasmError } from './wasm-error.ts'

const frameKind = { block: 0, loop: 1, if: 2, else: 3 } as const

/** An arm whose longest path is more than this pays for itself: less would cost more time than what it pays for. */
const armPaysAbove = 64
/** Arms inside arms; what is deeper stays a part of the arm around. */
const mostArms = 16

/**
 * Follows the blocks of one function body and works out what each charge must be.
 *
 * A *region* is the code that one charge pays for: a function, a loop, or an *arm*, which is code that may be passed over
 * (of an `if`, after a `br_if`, a case of a switch); each without the regions inside that pay for themselves. Those aside,
 * a region's code has no cycle, so whoever passes its charge runs at most its longest path: that is what the charge
 * takes. The longest path is followed forward: `cost` is the most that the region can have cost up to here, a branch
 * carries it to its label, and an `end` goes on with the greatest of what arrives.
 *
 * Only at its end is it known whether an arm pays for itself, or is so small that the region around pays for it too. So
 * branches out of an arm are kept until then; each then carries the cost of what is around and, of a small arm, its own.
 */
export class CostRegions {
  /** The most that the current region has cost up to here. */
  cost = 0
  /** Whether code here can run at all. */
  reachable = true
  /** Blocks around here; 0 is the body itself, -1 after its end. */
  depth = -1
  private readonly patches: PatchList
  private readonly maxDepth: number
  private readonly kinds: Uint8Array
  /** The region in which code goes on after each block. */
  private readonly levels: Int32Array
  /** The most that a branch to each label carries, -1 for none. */
  private readonly labels: Int32Array
  /** What an `if` had cost when it was entered, -1 in dead code. */
  private readonly entries: Int32Array
  private level = 0
  /** By region: cost where an inner region began, longest path so far, number of the charge. */
  private readonly bases: Int32Array
  private readonly longest: Int32Array
  private readonly charges: Int32Array
  /** The regions that are arms, innermost last, and where the branches out of each begin in `exits`. */
  private readonly armLevels = new Int32Array(mostArms + 1)
  private readonly armExits = new Int32Array(mostArms + 1)
  /** Open arms; the entry of that number is the innermost one, entry 0 stands for none. */
  private arms = 0
  /** The blocks that branches out of open arms lead to, and how many. */
  private exits = new Int32Array(1024)
  private exitCount = 0

  constructor(patches: PatchList, maxDepth: number) {
    this.patches = patches
    this.maxDepth = maxDepth
    // Every block opens at most one loop.
    const size = maxDepth + mostArms + 2
    this.kinds = new Uint8Array(size)
    this.levels = new Int32Array(size)
    this.labels = new Int32Array(size)
    this.entries = new Int32Array(size)
    this.bases = new Int32Array(size)
    this.longest = new Int32Array(size)
    this.charges = new Int32Array(size)
  }

  /** Begins a body that pays with charge number `charge` and costs `cost` to enter. */
  begin(charge: number, cost: number): void {
    this.level = 0
    this.arms = 0
    this.exitCount = 0
    this.longest[0] = 0
    this.charges[0] = charge
    this.cost = cost
    this.reachable = true
    this.depth = -1
    this.push(frameKind.block, 0)
  }

  /** Enters a block. */
  block(position: number): void {
    this.push(frameKind.block, position)
  }

  /** Enters the first arm of an if, which begins at `position`. */
  if(position: number): void {
    this.push(frameKind.if, position)
    this.entries[this.depth] = this.reachable ? this.cost : -1
    this.arm(position)
  }

  /** Enters a loop that pays with charge number `charge`. */
  loop(charge: number, position: number): void {
    this.push(frameKind.loop, position)
    this.open(charge)
    this.cost = fuel.loopHead
  }

  /** Opens the arm that begins at `position`, to the end of the block around. */
  arm(position: number): void {
    if (!this.reachable || this.arms >= mostArms) return
    this.open(this.patches.add(position, position, patch.charge, 0))
    this.arms++
    this.armLevels[this.arms] = this.level
    this.armExits[this.arms] = this.exitCount
  }

  /** Turns to the other arm of an if, which begins at `position`; false when there is no if here. */
  else(position: number): boolean {
    const frame = this.depth
    if (this.kinds[frame] !== frameKind.if) return false
    this.leaveRegions()
    if (this.reachable) this.carry(frame, this.cost)
    const entry = this.entries[frame] ?? -1
    this.kinds[frame] = frameKind.else
    this.reachable = entry >= 0
    this.cost = Math.max(entry, 0)
    this.arm(position)
    return true
  }

  /** Ends the innermost block before `position`. What follows is an arm of its own when only branches reach it. */
  end(position: number): void {
    const frame = this.depth
    this.leaveRegions()
    const fell = this.reachable
    if (fell) this.carry(frame, this.cost)
    if (this.kinds[frame] === frameKind.if) this.carry(frame, this.entries[frame] ?? -1)
    const arrives = this.labels[frame] ?? -1
    this.reachable = arrives >= 0
    this.cost = Math.max(arrives, 0)
    this.depth--
    if (!fell && this.depth >= 0) this.arm(position)
  }

  /** Notes a branch to the label `up` blocks out; false when there is none. */
  branch(up: number): boolean {
    const frame = this.depth - up
    if (frame < 0) return false
    if (!this.reachable || this.kinds[frame] === frameKind.loop) return true
    if ((this.armLevels[this.arms] ?? 0) > (this.levels[frame] ?? 0)) this.exit(frame)
    else this.carry(frame, this.costAt(this.levels[frame] ?? 0))
    return true
  }

  /** Notes that control does not come past here. */
  stop(): void {
    this.settle()
    this.reachable = false
  }

  /** After the end of the body: sets its own charge and gives it. */
  finish(): number {
    this.settle()
    const cost = this.longest[0] ?? 0
    this.setCharge(0, cost)
    return cost
  }

  private push(kind: number, position: number): void {
    if (this.depth >= this.maxDepth) throw new WasmError('limit', position, `expected blocks at most ${this.maxDepth} deep, got more`)
    const frame = ++this.depth
    this.kinds[frame] = kind
    this.levels[frame] = this.level
    this.labels[frame] = -1
  }

  private open(charge: number): void {
    this.settle()
    this.bases[this.level] = this.cost
    this.level++
    this.longest[this.level] = 0
    this.charges[this.level] = charge
    this.cost = 0
  }

  private costAt(level: number): number {
    return level === this.level ? this.cost : (this.bases[level] ?? 0)
  }

  private carry(frame: number, cost: number): void {
    if (cost > (this.labels[frame] ?? -1)) this.labels[frame] = cost
  }

  private settle(): void {
    if (this.reachable) this.extend(this.cost)
  }

  private extend(cost: number): void {
    if (cost > (this.longest[this.level] ?? 0)) this.longest[this.level] = cost
  }

  /** Closes the regions that began inside the innermost block. */
  private leaveRegions(): void {
    this.settle()
    const outer = this.levels[this.depth] ?? 0
    while (this.level > outer) {
      const cost = this.longest[this.level] ?? 0
      const isArm = this.armLevels[this.arms] === this.level
      const pays = !isArm || cost > armPaysAbove
      this.setCharge(this.level, pays ? cost : 0)
      this.level--
      this.cost = (this.bases[this.level] ?? 0) + (pays ? 0 : cost)
      this.extend(this.cost)
      if (isArm) this.leaveArm()
    }
  }

  private setCharge(level: number, cost: number): void {
    const charge = this.charges[level] ?? 0
    if (cost > mostChargeFuel) {
      const at = this.patches.start(charge)
      throw new WasmError('limit', at, `expected code that costs at most ${mostChargeFuel} fuel between two charges, got ${cost}`)
    }
    this.patches.setValue(charge, cost)
  }

  private exit(frame: number): void {
    if (this.exitCount === this.exits.length) {
      const grown = new Int32Array(2 * this.exitCount)
      grown.set(this.exits)
      this.exits = grown
    }
    this.exits[this.exitCount++] = frame
  }

  /** Carries the branches out of the innermost arm to their labels, or leaves them to the arm around. */
  private leaveArm(): void {
    let kept = this.armExits[this.arms] ?? 0
    this.arms--
    const around = this.armLevels[this.arms] ?? 0
    for (let at = kept; at < this.exitCount; at++) {
      const frame = this.exits[at] ?? 0
      const level = this.levels[frame] ?? 0
      if (around > level) this.exits[kept++] = frame
      else this.carry(frame, this.costAt(level))
    }
    this.exitCount = kept
  }
}
