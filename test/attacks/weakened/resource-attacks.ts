import type { Attack } from './attack.ts'

const handles = 'src/cell/link/abi/handle-table.ts'
const meter = 'src/cell/meter.ts'
const lifting = 'src/cell/link/abi/lifting-meter.ts'

/** E: limits, and the values and handles that guests make the host hold. */
export const resourceAttacks: readonly Attack[] = [
  {
    id: 'E1',
    tries: 'to run for ever: in a loop, by recursion, where the program starts or where the host allocates, or by bulk work',
    proofs: [
      {
        test: 'cell/limits.test.ts',
        named: 'ends a hot loop when its fuel is used up, at exactly the limit',
        without: [[meter, "if (left < 0) return this.#reach('fuel')", "if (left < -1e15) return this.#reach('fuel')"]],
      },
      {
        test: 'cell/limits.test.ts',
        named: 'ends a hot loop when its time on the CPU is used up',
        without: [[meter, 'this.#cpuUs > this.#world.limits.cpuTimeMs * 1000', 'this.#cpuUs > this.#world.limits.cpuTimeMs * 1e6']],
      },
      {
        test: 'attacks/guests/guests.test.ts',
        named: 'spins-in-start',
        because:
          'its guests run in cells of their own, whose program no switch of the test tree reaches: each was seen to run past its deadline unmetered',
      },
    ],
  },
  {
    id: 'E2',
    tries: 'to take memory by growing, by many memories or tables, or by starting large',
    proofs: [
      {
        test: 'cell/limits.test.ts',
        named: 'refuses memory inside the guest, which sees -1 and goes on',
        without: [[meter, 'if (bytes > this.#world.limits.memoryBytes) return', 'if (bytes > 2 ** 40) return']],
      },
      {
        test: 'cell/limits.test.ts',
        named: 'refuses an instance whose memories or tables start too large, together, before it runs',
        without: [[meter, 'if (elements > this.#world.limits.tableElements) return', 'if (elements > 2 ** 40) return']],
      },
      {
        test: 'cell/hostile.test.ts',
        named: 'has at most 32 memories and 256 core instances',
        because: 'the limits stand in the validator, where each has its own test',
      },
    ],
  },
  {
    id: 'E3',
    tries: 'values that amplify while they are lifted, and handles that are forged, dropped, moved or lent',
    proofs: [
      {
        test: 'attacks/linker/budgets.test.ts',
        named: 'what one component passes to another',
        without: [
          [lifting, 'if (this.#bytes > bytesPerCall) throw', 'if (this.#bytes > bytesPerCall && elementsPerCall < 0) throw'],
          [lifting, 'if (this.#elements > elementsPerCall) throw', 'if (this.#elements > elementsPerCall && elementsPerCall < 0) throw'],
        ],
      },
      {
        test: 'attacks/linker/handles.test.ts',
        named: 'a guest that plays with handles',
        without: [[handles, 'if (lends !== 0) throw', 'if (lends < 0) throw']],
      },
    ],
  },
  {
    id: 'E4',
    tries: 'to flood the terminal, the log or the disk with output, denied calls and records',
    proofs: [
      {
        test: 'host/broker/broker.test.ts',
        named: 'one call too many ends the session, denied ones counted',
        without: [['src/host/broker/meter.ts', 'return this.#calls <= this.#limits.calls', 'return this.#calls < Infinity']],
      },
      {
        test: 'host/broker/broker.test.ts',
        named: 'a call that means nothing is counted and recorded, so that trying is not free',
        without: [['src/host/broker/broker.ts', 'if (!(error instanceof GuestFault)) throw error', 'throw error']],
      },
      {
        test: 'host/log/audit-log.test.ts',
        named: 'an over-long name is cut and says so',
        without: [['src/core/audit/record.ts', 'value.length > maxTextLength', 'value.length > 1e9']],
      },
    ],
  },
  {
    id: 'E5',
    tries: 'to make the host work for a guest: JSON that is deep or huge, results that explode when they are read',
    proofs: [
      {
        test: 'attacks/linker/results.test.ts',
        named: 'an agent whose answer is text that explodes when it is parsed',
        without: [['src/cell/call-export.ts', "if (typeof payload === 'string' && payload.length > maxResultBytes) return tooLong", '']],
      },
    ],
  },
  {
    id: 'E6',
    tries: 'to leave something for the next session, or to act after the end',
    proofs: [
      {
        test: 'host/broker/broker.test.ts',
        named: 'a handle that opens while the session ends is closed all the same, and recorded',
        without: [['src/host/broker/broker.ts', 'if (this.#over) {', 'if (this.#over && this.#failed) {']],
      },
      {
        test: 'attacks/linker/leftovers.test.ts',
        named: 'in the memory of a module without code: nothing of it is found',
        without: [['src/cell/link/snapshot.ts', 'whole.fill(0, before.bytes.length)', 'void whole']],
      },
    ],
  },
]
