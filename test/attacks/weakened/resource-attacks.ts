import type { Attack } from './attack.ts'

const handles = 'src/cell/link/abi/handle-table.ts'
const lifting = 'src/cell/link/abi/lifting-meter.ts'

/** E: limits, and the values and handles that guests make the host hold. */
export const resourceAttacks: readonly Attack[] = [
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
]
