import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { MerkleRoot, type Sha256 } from '#core/audit/merkle.ts'

const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

/** The definition of RFC 6962, section 2.1, word for word: slow and recursive. */
const definition = (leaves: readonly Uint8Array[]): Uint8Array => {
  if (leaves.length === 0) return sha256()
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) return sha256(Uint8Array.of(0), only)
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha256(Uint8Array.of(1), definition(leaves.slice(0, split)), definition(leaves.slice(split)))
}

test('the growing root equals the definition of RFC 6962 at every size up to 130', () => {
  const leaves: Uint8Array[] = []
  const tree = new MerkleRoot(sha256)
  expect(tree.root()).toEqual(definition([]))
  for (let size = 1; size <= 130; size += 1) {
    const leaf = Uint8Array.of(size & 0xff, size >> 8, 7)
    leaves.push(leaf)
    tree.add(leaf)
    expect(tree.size).toBe(size)
    expect(tree.root()).toEqual(definition(leaves))
  }
})

test('the root of RFC 6962 test vector data is the published one', () => {
  const tree = new MerkleRoot(sha256)
  for (const leaf of ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']) {
    tree.add(Uint8Array.fromHex(leaf))
  }
  expect(tree.root().toHex()).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
})
