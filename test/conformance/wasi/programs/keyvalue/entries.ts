import { Cas, increment, swap } from 'wasi:keyvalue/atomics@0.2.0-draft2'
import { deleteMany, getMany, setMany } from 'wasi:keyvalue/batch@0.2.0-draft2'
import { open, type Bucket } from 'wasi:keyvalue/store@0.2.0-draft2'
import { bytes, errOf, inTurn, same } from '../check.ts'

const one = (bucket: Bucket): void => {
  same([bucket.get('a'), bucket.exists('a')], [undefined, false], 'nothing yet')
  bucket.set('a', bytes('1'))
  bucket.set('a', bytes('2'))
  same([bucket.get('a'), bucket.exists('a')], [bytes('2'), true], 'the last value')
  bucket.set('ключ/🔑', new Uint8Array())
  same(bucket.get('ключ/🔑'), new Uint8Array(), 'an empty value')
  same([...bucket.listKeys(undefined).keys].sort(), ['a', 'ключ/🔑'], 'keys')
  bucket.delete('ключ/🔑')
  bucket.delete('never there')
  same(bucket.listKeys(undefined).keys, ['a'], 'keys that are left')
  same(open('default').get('a'), bytes('2'), 'the same through another handle')
}

const many = (bucket: Bucket): void => {
  setMany(bucket, [
    ['x', bytes('1')],
    ['y', bytes('2')],
  ])
  same(getMany(bucket, ['y', 'none', 'x']), [['y', bytes('2')], undefined, ['x', bytes('1')]], 'values in the order of keys')
  deleteMany(bucket, ['x', 'y', 'none'])
  same(getMany(bucket, ['x', 'y']), [undefined, undefined], 'none left')
}

const atomically = (bucket: Bucket): void => {
  same([increment(bucket, 'n', 5n), increment(bucket, 'n', 7n)], [5n, 12n], 'a counter')
  const early = Cas['new'](bucket, 'a')
  same(early.current(), bytes('2'), 'what is there')
  swap(Cas['new'](bucket, 'a'), bytes('3'))
  same((errOf(() => swap(early, bytes('4'))) as { tag?: string }).tag, 'cas-failed', 'a swap that is too late')
  same(bucket.get('a'), bytes('3'), 'the value of the swap in time')
}

const refused = (): void => {
  same(
    errOf(() => open('other')),
    { tag: 'access-denied' },
    'a store that is not granted',
  )
}

export const run = (): string => {
  const bucket = open('default')
  return inTurn({ one: () => one(bucket), many: () => many(bucket), atomically: () => atomically(bucket), refused })
}
