import { adapterPages } from '#host/ingest/program.ts'

/** Replaces what must be there exactly once: another version of what is patched is for people to look at. */
export const replaceOnce = (text: string, pattern: RegExp, replacement: string): string => {
  const count = [...text.matchAll(pattern)].length
  if (count !== 1) throw new TypeError(`expected ${String(pattern)} once in the adapter, got it ${count} times`)
  return text.replace(pattern, replacement)
}

const adapterModule = /\(core module \$wit-component:adapter:wasi_snapshot_preview1 [\s\S]*?(?=\n {2}\(core module )/g

/** Puts the adapter's pages at the end of the memory, the stack before the state, where it grew the memory for each. */
const allocateAtEnd = (adapter: string): string => {
  const grows = /i32\.const 1\s+memory\.grow\s+local\.tee (\d+)\s+i32\.const -1\s+i32\.eq\s+if[^\n]*\s+unreachable\s+end\s+local\.get \1\s/g
  const allocatingState = 3
  return replaceOnce(
    adapter,
    grows,
    `memory.size
      global.set $followed
      memory.size
      i32.const ${adapterPages}
      i32.sub
      global.get $allocation_state
      i32.const ${allocatingState}
      i32.eq
      i32.add
      `,
  )
}

/** What every function of preview 1 does first: when the program grew its memory, the adapter's pages have moved as far. */
const follow = `
    (global $followed (mut i32) i32.const 0)
    (func $follow (local $moved i32)
      memory.size
      global.get $followed
      i32.sub
      i32.const 16
      i32.shl
      local.tee $moved
      i32.eqz
      if
        return
      end
      global.get $__stack_pointer
      local.get $moved
      i32.add
      global.set $__stack_pointer
      global.get $internal_state_ptr
      if
        global.get $internal_state_ptr
        local.get $moved
        i32.add
        global.set $internal_state_ptr
      end
      memory.size
      global.set $followed)`

const atStartOf = (adapter: string, name: string, code: string): string =>
  replaceOnce(adapter, new RegExp(`\\(func \\$${name} \\(;\\d+;\\)[^\\n]*\\n(?:\\s+\\(local [^\\n]*\\n)?`, 'g'), `$&${code}\n`)

/** A write of no buffers is a write of an empty one, in the frame that the function is about to have: the adapter would call it a success before it looks at the descriptor. */
const noBuffers = `
      local.get 2
      i32.eqz
      if
        global.get $__stack_pointer
        i32.const 8
        i32.sub
        local.tee 1
        i64.const 0
        i64.store
        i32.const 1
        local.set 2
      end`

/**
 * The text of a frame whose adapter has its stack and its state in the last pages of the program's memory, which `reserveLastPages` keeps free for it, and finds them
 * again after they moved. Nothing that the adapter keeps between two calls points into them: what it holds there are numbers, names and handles, and the two globals that are put right here
 * are its only pointers. Also, `fd_write` of nothing says of a bad descriptor that it is one. `functions` are those that a program may call. Throws TypeError for another adapter.
 */
export const patchFrame = (frame: string, functions: readonly string[]): string => {
  const [adapter, ...more] = frame.match(adapterModule) ?? []
  if (adapter === undefined || more.length > 0) throw new TypeError('expected one adapter in a frame')
  const writing = atStartOf(allocateAtEnd(adapter), 'fd_write', noBuffers)
  const following = functions.reduce((text, name) => atStartOf(text, name, '      call $follow'), writing)
  const end = following.lastIndexOf('(@producers')
  if (end < 0) throw new TypeError('expected the adapter to say what made it')
  return frame.replace(adapter, () => `${following.slice(0, end)}${follow}\n    ${following.slice(end)}`)
}
