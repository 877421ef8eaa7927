import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type MakeBox, mountContract } from './mount-contract.ts'
import { quotaContract } from './quota-contract.ts'
import { mountedGuest, scratchFolder } from './mounted-guest.ts'

/** A guest over a scratch folder that goes with it. */
const overFolder =
  (kind: 'live' | 'copy'): MakeBox =>
  async (wish = {}) => {
    const folder = await scratchFolder()
    const [hostPath, copyFolder] = [join(folder.path, 'box'), join(folder.path, 'copies')]
    await mkdir(hostPath)
    const guest = await mountedGuest({ '/box': { hostPath, kind, ...wish } }, { copyFolder })
    const dispose = guest[Symbol.asyncDispose].bind(guest)
    return Object.assign(guest, {
      [Symbol.asyncDispose]: async () => {
        await dispose()
        await folder[Symbol.asyncDispose]()
      },
    })
  }

const kinds: Readonly<Record<string, MakeBox>> = {
  'a live folder': overFolder('live'),
  'a private copy': overFolder('copy'),
  memory: (wish = {}) => mountedGuest({ '/box': { kind: 'memory', ...wish } }),
}

for (const [kind, make] of Object.entries(kinds)) {
  mountContract(kind, make)
  quotaContract(kind, make)
}
