import { fuel } from './meter-costs.ts'
import type { PatchList } from './patch-list.ts'
import { WasmError } from './wasm-error.ts'

const frameKind = { block: 0, loop: 1, if: 2, else: 3 } as const

/**
 * Follows the blocks of one function body and works out what each charge must be.
 *
 * A *region* is the code that one charge pays for: a function without its loops, a loop without its inner loops, or one
 * case of a switch. Leaving regions aside that lie inside, a region's code has no cycle, so whoever passes its charge
 * runs at most its longest path: that is what the charge takes. The longest path is followed forward: `cost` is the most
 * that the region can have cost up to here, a branch carries it to its label, and an `end` goes on with the greatest of
 * what arrives. A branch out of inner regions carries what the label's own region had cost where the inner one began.
 */
export class CostRegions {
  /** The most that the current region has cost up to here. */
  cost = 0
  /** Whether code here can run at all. */
  reachable = true
  /** Blocks around here; 0 is the body itself, -1 after its end. */
  depth = -1
  private level = 0
  private readonly patches: PatchList
  private readonly maxDepth: number
  private readonly mostCases: number
  private readonly kinds: Uint8Array
  /** The region in which code goes on after each block. */
  private readonly levels: Int32Array
  /** The most that a branch to each label carries, -1 for none. */
  private readonly labels: Int32Array
  /** What an `if` had cost when it was entered, -1 in dead code. */
  private readonly entries: Int32Array
  private readonly switched: Uint8Array
  /** By region: cost where an inner region began, longest path so far, number of the charge. */
  private readonly bases: Int32Array
  private readonly longest: Int32Array
  private readonly charges: Int32Array

  constructor(patches: PatchList, maxDepth: number) {
    this.patches = patches
    this.maxDepth = maxDepth
    const size = maxDepth + 2
    this.mostCases = size
    this.kinds = new Uint8Array(size)
    this.levels = new Int32Array(size)
    this.labels = new Int32Array(size)
    this.entries = new Int32Array(size)
    this.switched = new Uint8Array(size)
    // Half for loops, of which each block opens one, half for cases of switches, held in `end`.
    this.bases = new Int32Array(2 * size)
    this.longest = new Int32Array(2 * size)
    this.charges = new Int32Array(2 * size)
  }

  /** Begins a body that pays with charge number `charge` and costs `cost` to enter. */
  begin(charge: number, cost: number): void {
    this.level = 0
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

  /** Enters an if. */
  if(position: number): void {
    this.push(frameKind.if, position)
    this.entries[this.depth] = this.reachable ? this.cost : -1
  }

  /** Enters a loop that pays with charge number `charge`. */
  loop(charge: number, position: number): void {
    this.push(frameKind.loop, position)
    this.open(charge)
    this.cost = fuel.loopHead
  }

  /** Turns to the other arm of an if; false when there is no if here. */
  else(): boolean {
    const frame = this.depth
    if (this.kinds[frame] !== frameKind.if) return false
    this.leaveRegions()
    if (this.reachable) this.carry(frame, this.cost)
    const entry = this.entries[frame] ?? -1
    this.kinds[frame] = frameKind.else
    this.reachable = entry >= 0
    this.cost = Math.max(entry, 0)
    return true
  }

  /** Ends the innermost block; true when what follows is one case of a switch and may pay for itself. */
  end(): boolean {
    const frame = this.depth
    this.leaveRegions()
    const fell = this.reachable
    if (fell) this.carry(frame, this.cost)
    if (this.kinds[frame] === frameKind.if) this.carry(frame, this.entries[frame] ?? -1)
    const arrives = this.labels[frame] ?? -1
    this.reachable = arrives >= 0
    this.cost = Math.max(arrives, 0)
    this.depth--
    return !fell && this.reachable && this.switched[frame] === 1 && this.level < this.mostCases
  }

  /** Opens a region for the case of a switch that begins here and pays with charge number `charge`. */
  open(charge: number): void {
    this.settle()
    this.bases[this.level] = this.cost
    this.level++
    this.longest[this.level] = 0
    this.charges[this.level] = charge
    this.cost = 0
  }

  /** Notes a branch to the label `up` blocks out; false when there is none. */
  branch(up: number): boolean {
    const frame = this.depth - up
    if (frame < 0) return false
    if (this.reachable && this.kinds[frame] !== frameKind.loop) {
      const level = this.levels[frame] ?? 0
      this.carry(frame, level === this.level ? this.cost : (this.bases[level] ?? 0))
    }
    return true
  }

  /** As {@link branch}, by a br_table: what follows the label is one case of a switch. */
  branchOfSwitch(up: number): boolean {
    if (!this.branch(up)) return false
    if (this.reachable) this.switched[this.depth - up] = 1
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
    this.patches.setValue(this.charges[0] ?? 0, cost)
    return cost
  }

  private push(kind: number, position: number): void {
    if (this.depth >= this.maxDepth) throw new WasmError('limit', position, `expected blocks at most ${this.maxDepth} deep, got more`)
    const frame = ++this.depth
    this.kinds[frame] = kind
    this.levels[frame] = this.level
    this.labels[frame] = -1
    this.switched[frame] = 0
  }

  private carry(frame: number, cost: number): void {
    if (cost > (this.labels[frame] ?? -1)) this.labels[frame] = cost
  }

  private settle(): void {
    if (this.reachable && this.cost > (this.longest[this.level] ?? 0)) this.longest[this.level] = this.cost
  }

  /** Closes the regions that began inside the innermost block. */
  private leaveRegions(): void {
    this.settle()
    const outer = this.levels[this.depth] ?? 0
    while (this.level > outer) {
      this.patches.setValue(this.charges[this.level] ?? 0, this.longest[this.level] ?? 0)
      this.level--
      this.cost = this.bases[this.level] ?? 0
    }
  }
}
