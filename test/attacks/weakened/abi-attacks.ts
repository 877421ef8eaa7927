import type { Attack } from './attack.ts'

const link = 'src/cell/link'
const abi = `${link}/abi`
const handleTable = `${abi}/handle-table.ts`
const instanceState = `${link}/instance-state.ts`
const reading = 'src/core/component/reading.ts'

const handles = 'attacks/linker/handles.test.ts'
const values = 'attacks/linker/values.test.ts'
const allocators = 'attacks/linker/allocators.test.ts'
const budgets = 'attacks/linker/budgets.test.ts'
const tables = 'cell/link/abi/handle-table.test.ts'
const resources = 'cell/link/component-resources.test.ts'
const limits = 'core/component/limits.test.ts'

/** G: what crosses between a guest and its host by the canonical ABI. */
export const abiAttacks: readonly Attack[] = [
  {
    id: 'G1',
    tries: 'handles that are forged, dropped, moved, doubled or lent',
    proofs: [
      {
        test: handles,
        named: 'reaches nobody by one of another resource of the host',
        without: [[handleTable, 'if (entry.resource !== resource) {', 'if (entry.resource < 0) {']],
      },
      {
        test: handles,
        named: 'reaches nobody by one it has dropped',
        without: [[handleTable, '    this.#entries[index >>> 0] = undefined\n', '']],
      },
      {
        test: handles,
        named: 'reaches nobody by one and the same, given twice',
        without: [[handleTable, '    this.#entries[index >>> 0] = undefined\n', '']],
      },
      {
        test: handles,
        named: 'reaches nobody by one and the same, lent and given',
        without: [[handleTable, 'entry.lends++', 'entry.lends += 0']],
      },
      {
        test: tables,
        named: 'borrowed: it cannot be moved, may be lent on, and has to be dropped before its call returns',
        without: [[handleTable, 'if (!entry.own) throw', 'if (index < 0) throw']],
      },
      {
        test: tables,
        named: 'borrowed: it cannot be moved, may be lent on, and has to be dropped before its call returns',
        without: [[handleTable, 'if (this.#open !== 0)', 'if (this.#open < 0)']],
      },
      {
        test: resources,
        named: 'are made of nothing but objects of the class that the host gave',
        without: [[instanceState, 'if (!(value instanceof found)) throw', 'if (value === undefined) throw']],
      },
      {
        test: resources,
        named: 'reach a method of the class, not one that the object brings along',
        without: [
          [
            `${link}/host-functions.ts`,
            'return ([self, ...values]) => Reflect.apply(run, self, values)',
            'return ([self, ...values]) => Reflect.apply((self as never)[member.memberName], self, values)',
          ],
        ],
      },
      {
        test: resources,
        named: 'trap in another instance, as another type, and moved while lent',
        without: [[`${link}/guest-resource.ts`, 'if (this.#owner !== owner) throw', 'if (owner === undefined) throw']],
      },
      {
        test: resources,
        named: 'trap in another instance, as another type, and moved while lent',
        without: [[`${link}/guest-resource.ts`, 'if (given.#lends > 0) throw', 'if (given.#lends < 0) throw']],
      },
      {
        test: 'cell/adapters/handles.test.ts',
        named: 'throws TypeError where it is given as an argument',
        without: [['src/cell/adapters/wasi/io-error.ts', 'return this.#cause\n', "return { kind: 'other' }\n"]],
      },
      {
        test: 'host/ingest/glue.test.ts',
        named: 'make a handle trap that has no object behind it',
        because: 'it was seen to fail without the patch of the glue that it is about, which is found by its shape and not by its text',
      },
    ],
  },
  {
    id: 'G2',
    tries: 'text that is none: malformed, cut, of lone surrogates',
    proofs: [
      {
        test: values,
        named: 'ends with .*(UTF-8|malformed at its end|surrogates)',
        without: [[`${abi}/lift-string.ts`, '? decodeStrictly(bytes, pointer, end) : text', '? text : text']],
      },
      {
        test: values,
        named: 'ends with .*UTF-16 with half a pair',
        without: [[`${abi}/lift-string.ts`, 'if (!text.isWellFormed()) throw', "if (text === '') throw"]],
      },
    ],
  },
  {
    id: 'G3',
    tries: 'enums, variants, flags and characters out of their range',
    proofs: [
      {
        test: values,
        named: 'ends with an enum',
        without: [
          [
            `${abi}/compile-variant.ts`,
            'if (name === undefined) throw badDiscriminant(index, names.length)',
            'if (name === undefined) return names[0]',
          ],
        ],
      },
      {
        test: values,
        named: 'ends with (a variant|an option|a result)',
        without: [[`${abi}/compile-variant.ts`, 'const found = cases[index]\n', 'const found = cases[index] ?? cases[0]\n']],
      },
      {
        test: values,
        named: 'ends with a character',
        without: [[`${abi}/char.ts`, 'if (code > 0x10ffff || isSurrogate(code)) throw', 'if (code > 0x10ffff) throw']],
      },
    ],
  },
  {
    id: 'G4',
    tries: 'lengths and pointers that lie, so that more is read than there is',
    proofs: [
      {
        test: values,
        named: 'ends with (text that ends past its memory|a list that ends past)',
        without: [[`${abi}/abi-type.ts`, 'if (pointer + size > end) throw', 'if (pointer > end) throw']],
      },
      {
        test: values,
        named: 'ends with a list whose length in bytes is 0 in 32 bits',
        without: [
          [
            `${abi}/compile-list.ts`,
            'exact as a double.\n    const byteLength = length * size',
            'exact as a double.\n    const byteLength = (length * size) | 0',
          ],
        ],
      },
      {
        test: values,
        named: 'ends with a list at an address that its elements may not have',
        without: [[`${abi}/abi-type.ts`, 'if ((pointer & (align - 1)) !== 0) throw', 'if (pointer < 0) throw']],
      },
    ],
  },
  {
    id: 'G5',
    tries: 'lists that lie over one another, a page of which stands for gigabytes',
    proofs: [
      {
        test: values,
        named: 'are charged each for itself',
        without: [
          [
            `${abi}/lifting-meter.ts`,
            'if (this.#bytes > bytesPerCall) throw',
            'if (this.#bytes > bytesPerCall && elementsPerCall < 0) throw',
          ],
        ],
      },
      {
        test: 'cell/link/abi/budget.test.ts',
        named: 'lists in lists multiply, and stop at the elements',
        without: [[`${abi}/compile-list.ts`, 'call.charge(length * steps, ', 'call.charge(1, ']],
      },
      {
        test: values,
        named: 'are values of their own: what the host changes in one',
        without: [[`${abi}/numeric-lists.ts`, 'read: (bytes, at, length) => bytes.slice(', 'read: (bytes, at, length) => bytes.subarray(']],
      },
    ],
  },
  {
    id: 'G6',
    tries: 'an allocator or a post-return that lies, calls out, or makes and drops resources',
    proofs: [
      {
        test: allocators,
        named: 'cannot give room at the end of memory',
        without: [[`${link}/guest-scope.ts`, 'return this.#checked(at >>> 0, align, newSize)', 'return at >>> 0']],
      },
      {
        test: allocators,
        named: 'cannot give room beyond the pages it was told it has',
        without: [
          [
            `${link}/guest-memory.ts`,
            'this.#pages === undefined ? buffer.byteLength : Math.min(',
            'this.#pages !== undefined ? buffer.byteLength : Math.min(',
          ],
        ],
      },
      {
        test: allocators,
        named: 'ends its instance when it (makes|drops) a resource',
        without: [[instanceState, 'this.#stays[instance] = 1', 'this.#stays[instance] = 0']],
      },
      {
        test: allocators,
        named: 'ends its instance when it calls the host',
        without: [
          [instanceState, 'this.#stays[instance] = 1', 'this.#stays[instance] = 0'],
          [`${link}/metering.ts`, 'if (this.#mayNotLeave > 0) throw', 'if (this.#mayNotLeave < 0) throw'],
        ],
      },
    ],
  },
  {
    id: 'G7',
    tries: 'to come in again while it is inside a call',
    proofs: [
      {
        test: 'conformance/cases.test.ts',
        named: 'entering.wast',
        without: [[instanceState, 'if (this.#entered[instance] !== 0) throw', 'if (this.#entered[instance] === 9) throw']],
      },
    ],
  },
  {
    id: 'G8',
    tries: 'deep recursion: by calls inside calls, by types inside types',
    proofs: [
      {
        test: budgets,
        named: 'end where their stacks would take more memory than any guest may',
        without: [[`${link}/core-functions.ts`, 'if (++this.#nesting > maxNesting) throw', 'if (++this.#nesting < 0) throw']],
      },
      {
        test: 'host/session/outcome.test.ts',
        named: 'a result nests no deeper than whoever walks it can follow',
        without: [['src/host/session/outcome.ts', 'const maxResultDepth = 256', 'const maxResultDepth = 1e9']],
      },
    ],
  },
  {
    id: 'G9',
    tries: 'types, instances and imports in such numbers that whoever reads them dies',
    proofs: [
      {
        test: limits,
        named: 'what a component may have is bounded',
        without: [[reading, 'if (total > this.limits[what]) throw', 'if (total < 0) throw']],
      },
      {
        test: limits,
        named: 'checking costs steps, of which a component has so many',
        without: [[reading, 'if (this.work > this.limits.work) {', 'if (this.work < 0) {']],
      },
      {
        test: 'host/ingest/ingest.test.ts',
        named: 'types that ask for megabytes of generated code are refused by glue',
        because:
          'glue is made in a throw-away child, which is ended on time and memory whatever it is asked for: host/ingest/child.test.ts',
      },
    ],
  },
  {
    id: 'G10',
    tries: 'names that mean something to JavaScript',
    proofs: [
      {
        test: 'cell/adapters/handles.test.ts',
        named: 'give no member of JavaScript to a component that names one',
        without: [['src/cell/adapters/sealed.ts', 'Object.freeze(Object.setPrototypeOf(prototype, null))', 'Object.freeze(prototype)']],
      },
      {
        test: 'cell/link/component-linker.test.ts',
        named: 'are never what every object has',
        without: [[`${link}/host-functions.ts`, 'holder !== null && Object.hasOwn(holder, name)', 'holder !== null']],
      },
    ],
  },
]
