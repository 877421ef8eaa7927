import type { Attack } from './attack.ts'

const handles = 'src/cell/link/abi/handle-table.ts'
const meter = 'src/cell/meter.ts'
const lifting = 'src/cell/link/abi/lifting-meter.ts'
const pool = 'host/pool/cell-pool.test.ts'
const random = 'src/cell/adapters/wasi/random.ts'
const fields = 'src/cell/adapters/wasi/http-fields-budget.ts'

/** E: limits, and the values and handles that guests make the host hold. */
export const resourceAttacks: readonly Attack[] = [
  {
    id: 'E1',
    tries: 'to run for ever: in a loop, by recursion, where the program starts or where the host allocates, or by bulk work',
    proofs: [
      {
        test: 'cell/limits.test.ts',
        named: 'ends a hot loop when its fuel is used up, at exactly the limit',
        without: [[meter, "if (left < 0) return this.#reach('fuel')", "if (left < -1e8) return this.#reach('fuel')"]],
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
      {
        test: 'cell/link/abi/handle-table.test.ts',
        named: 'tables share a quota, past which there is no handle',
        without: [[handles, 'if (this.#live >= this.#max) throw', 'if (this.#live < 0) throw']],
      },
      {
        test: 'cell/link/abi/budget.test.ts',
        named: 'a session’s calls add up, until the next session',
        without: [
          [lifting, 'if (this.#sessionBytes > bytesPerSession) throw', 'if (this.#sessionBytes < 0) throw'],
          [lifting, 'if (this.#sessionElements > elementsPerSession) throw', 'if (this.#sessionElements < 0) throw'],
        ],
      },
      {
        test: 'cell/adapters/random.test.ts',
        named: 'bounds what one call of',
        without: [[random, 'if (length > BigInt(maxBytesPerCall))', 'if (length < 0n)']],
      },
      {
        test: 'cell/adapters/random.test.ts',
        named: 'gives a session no more than its fuel would buy',
        without: [[random, 'if (length > left) throw', 'if (length < 0) throw']],
      },
      {
        test: 'cell/adapters/http.test.ts',
        named: 'are bounded in bytes, and end the guest past that',
        without: [[fields, 'if (bytes > maxFieldsBytes) throw', 'if (bytes < 0) throw']],
      },
      {
        test: 'cell/adapters/http.test.ts',
        named: 'are bounded in all that a session holds',
        without: [[fields, 'if (byBytes > 0 && this.#bytes + byBytes > maxSessionBytes)', 'if (maxSessionBytes < 0)']],
      },
      {
        test: 'cell/adapters/guests.test.ts',
        named: 'is ended when it holds more than its handles',
        without: [['src/cell/session-world.ts', 'if (held >= most) throw', 'if (held < 0) throw']],
      },
    ],
  },
  {
    id: 'E4',
    tries: 'to flood the terminal, the log or the disk with output, denied calls and records',
    proofs: [
      {
        test: 'host/broker/broker.test.ts',
        named: 'what calls send out is reserved before they act',
        without: [
          [
            'src/host/broker/broker.ts',
            "if (!this.meter.sendOut(reserved)) throw new GuestFault('not-permitted', 'egress limit reached')",
            '',
          ],
        ],
      },
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
      {
        test: 'host/providers/tools/tools-provider.test.ts',
        named: 'levels is invalid input and the tool does not run',
        without: [['src/host/providers/tools/bounded-json.ts', 'if (depth > maxDepth) return true', '']],
      },
      {
        test: 'attacks/network/messages.test.ts',
        named: 'informational responses without end is cut',
        without: [
          ['src/host/providers/http/response-parser.ts', 'if (this.#informational > maxInformational)', 'if (this.#informational < 0)'],
          [
            'src/host/providers/http/response-parser.ts',
            'if (this.#received > this.#bodyBytes * maxOverhead.factor + maxOverhead.bytes) {',
            'if (this.#received < 0) {',
          ],
        ],
      },
      {
        test: 'attacks/network/messages.test.ts',
        named: ' headers without end is cut',
        without: [
          [
            'src/host/providers/http/field-section.ts',
            'if (this.#bytes > sectionBytes || this.#fields.length >= fields) {',
            'if (this.#bytes < 0) {',
          ],
        ],
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
  {
    id: 'E7',
    tries: 'to take the places, the turns and the descriptors of everybody else',
    proofs: [
      {
        test: 'attacks/files/disk.test.ts',
        named: 'leaves the host threads to do something else',
        without: [
          [
            'src/host/providers/fs/live-tree.ts',
            'syncs.take(this.#tree, () => (dataOnly ? this.#handle.datasync() : this.#handle.sync()))',
            'this.#handle.sync()',
          ],
        ],
      },
      {
        test: 'host/providers/turns.test.ts',
        named: 'an owner whose work never ends',
        without: [['src/host/providers/turns.ts', 'this.#active.add(owner)', 'this.#active.add(`${owner} ${waiting.length}`)']],
      },
      {
        test: 'attacks/keyvalue/neighbours.test.ts',
        named: 'an agent whose store takes long',
        because:
          'stores run in a thread of their own, whose source the tests do not load: seen to fail without steps, without turns, without remembering what was found changed, and with waiting in SQLite',
      },
      {
        test: pool,
        named: 'past all places sessions wait, past that they are refused',
        without: [
          ['src/host/pool/cell-pool.ts', 'if (this.#waiting.length >= this.#options.maxWaiting) {', 'if (this.#waiting.length < 0) {'],
        ],
      },
      {
        test: pool,
        named: 'two segments never share a cell, not even one after the other',
        without: [['src/host/pool/cell-pool.ts', 'return cell.alive && isFor(use, wanted) && ', 'return cell.alive && ']],
      },
      {
        test: 'host/session/call-queue.test.ts',
        named: 'works on sixteen calls at a time, the rest in order',
        without: [['src/host/session/call-queue.ts', 'while (this.#working.size < concurrentCalls) {', 'while (concurrentCalls > 0) {']],
      },
      {
        test: 'host/providers/http/error-codes.test.ts',
        named: 'more connections than the process has places for',
        without: [['src/host/providers/http/connection-places.ts', 'if (this.#taken >= this.#most) throw', 'if (this.#taken < 0) throw']],
      },
      {
        test: 'host/serve/admission.test.ts',
        named: 'so many are in, so many wait in order, the rest are turned away at once',
        without: [['src/host/serve/admission.ts', "if (this.#waiting.size >= this.#options.queued) return 'full'", '']],
      },
    ],
  },
]
