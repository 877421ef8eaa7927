import { get, getAll } from 'wasi:config/store@0.2.0-rc.1'
import { inTurn, same } from '../check.ts'

const values = (): void => {
  same(get('greeting'), 'hello, world', 'a setting')
  same(get('empty'), '', 'an empty one')
  same(get('secret'), undefined, 'one that is not there')
  same(
    getAll().toSorted(([left], [right]) => (left < right ? -1 : 1)),
    [
      ['empty', ''],
      ['greeting', 'hello, world'],
    ],
    'all of them',
  )
}

export const run = (): string => inTurn({ values })
