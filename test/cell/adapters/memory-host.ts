import { isCall, type Call, type CallArgs, type CallOp, type CallReply, type FileType } from '#wire/calls.ts'

const nothing = new Uint8Array()
const ok = (value: Readonly<Record<string, unknown>> = {}, body: Uint8Array = nothing): CallReply => ({ ok: true, value, body })
const failed = (code: string): CallReply => ({ ok: false, code })

/** A file, or a folder that maps names to entries. */
interface Entry {
  readonly identity: string
  readonly children: Map<string, Entry> | undefined
  bytes: Uint8Array
  accessedNs: string
  modifiedNs: string
}

/** A tree for {@link MemoryHost}: text is a file, an object is a folder. */
export interface Tree {
  readonly [name: string]: string | Tree
}

/** What the host's other side answers to one request. */
export interface Served {
  readonly status?: number
  readonly headers?: readonly (readonly [string, string])[]
  readonly chunks?: readonly string[]
  readonly trailers?: readonly (readonly [string, string])[]
  /** Fails the exchange with this code instead, at its start or when the response is asked for. */
  readonly refuse?: string
  readonly breakOff?: string
  /** The body fails with this code after its chunks. */
  readonly cut?: string
}

/** A request as it arrived. */
interface Arrived {
  readonly start: CallArgs<'http.start'>
  body: string
  finished: boolean
  trailers: readonly (readonly [string, string])[]
}

interface Exchange extends Arrived {
  readonly served: Promise<Served>
  readonly chunks: string[]
}

/** Sockets are tested against the real providers. */
type AnsweredOp = Exclude<CallOp, `dns.${string}` | `tcp.${string}` | `udp.${string}`>
type Answers = { readonly [O in AnsweredOp]: (args: CallArgs<O>, body: Uint8Array) => CallReply | Promise<CallReply> }

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** The host behind the wire, in memory: enough of a file system and of HTTP to see what adapters make of WIT calls. */
export class MemoryHost {
  readonly arrived: Arrived[] = []
  readonly calls: Call[] = []
  readonly closed: number[] = []
  /** Answers requests. */
  serve: (request: Arrived) => Served | Promise<Served> = () => ({})
  /** What standard input holds, piece by piece. */
  stdin: string[] = []
  secrets: Readonly<Record<string, string>> = {}
  tools: Readonly<Record<string, (input: string) => string>> = {}
  /** Whether what is opened lies in a mount that may be changed. */
  writable = true
  /** How many names one listing gives. */
  pageLength = 100
  /** Replaces the answer to any call. */
  intercept: ((call: Call) => CallReply | undefined | Promise<CallReply | undefined>) | undefined
  readonly #entries = new Map<number, Entry>()
  readonly #exchanges = new Map<number, Exchange>()
  readonly #root: Entry
  #nextIdentity = 0
  #nextHandle = 100

  /** Mounts `tree` at handle 1. */
  constructor(tree: Tree = {}) {
    this.#root = this.#entryOf(tree)
    this.#entries.set(1, this.#root)
  }

  /** Handles that are open, the mount not counted. */
  get open(): number {
    return this.#entries.size - 1 + this.#exchanges.size
  }

  /** The text of a file by its path below the mount. */
  text(path: string): string | undefined {
    const found = this.#at(1, path)
    return found === undefined ? undefined : decode(found.bytes)
  }

  /** The bytes of a file by its path below the mount. */
  bytes(path: string): Uint8Array | undefined {
    return this.#at(1, path)?.bytes
  }

  /** Replaces the bytes of a file that is there. */
  fill(path: string, bytes: Uint8Array): void {
    const file = this.#at(1, path)
    if (file !== undefined) file.bytes = bytes
  }

  ops(): CallOp[] {
    return this.calls.map(({ op }) => op)
  }

  async answer(call: Call): Promise<CallReply> {
    if (!isCall(call.op, call.args)) throw new Error(`a call that breaks the wire: ${JSON.stringify(call)}`)
    this.calls.push(call)
    await new Promise((resolve) => setImmediate(resolve))
    const answer = this.#answers[call.op as AnsweredOp] as (args: unknown, body: Uint8Array) => CallReply | Promise<CallReply>
    return (await this.intercept?.(call)) ?? (await answer(call.args, call.body))
  }

  /** How each operation is answered. */
  readonly #answers: Answers = {
    'fs.open': (args) => this.#openFile(args),
    'fs.stat-at': ({ dir, path }) => this.#found(this.#at(dir, path), (entry) => ok(statOf(entry))),
    'fs.stat': ({ handle }) => this.#opened(handle, (entry) => ok(statOf(entry))),
    'fs.read': ({ handle, offset, length }) => this.#opened(handle, (entry) => ok({}, entry.bytes.slice(offset, offset + length))),
    'fs.write': ({ handle, offset }, body) => this.#opened(handle, (entry) => writeTo(entry, offset, body)),
    'fs.list': ({ handle, after }) => this.#opened(handle, (entry) => pageOf(entry, after, this.pageLength)),
    'fs.mkdir': ({ dir, path }) => {
      const [folder, name] = this.#folderOf(dir, path)
      if (folder?.has(name) === true) return failed('exist')
      folder?.set(name, this.#entryOf({}))
      return folder === undefined ? failed('no-entry') : ok()
    },
    'fs.rmdir': (args) => this.#remove(args),
    'fs.unlink': (args) => this.#remove(args),
    'fs.rename': ({ dir, path, toDir, toPath }) =>
      this.#found(this.#at(dir, path), (entry) => {
        const [to, toName] = this.#folderOf(toDir, toPath)
        if (to === undefined) return failed('no-entry')
        this.#remove({ dir, path })
        to.set(toName, entry)
        return ok()
      }),
    'fs.link': () => ok(),
    'fs.symlink': () => ok(),
    'fs.readlink': ({ path }) => ok({ target: `to ${path}` }),
    'fs.set-size': ({ handle, size }) =>
      this.#opened(handle, (entry) => {
        entry.bytes = entry.bytes.slice(0, size)
        return ok()
      }),
    'fs.set-times': ({ handle, accessedNs, modifiedNs }) =>
      this.#opened(handle, (entry) => {
        entry.accessedNs = accessedNs ?? entry.accessedNs
        entry.modifiedNs = modifiedNs ?? entry.modifiedNs
        return ok()
      }),
    'fs.set-times-at': () => ok(),
    'fs.sync': ({ handle }) => this.#opened(handle, () => ok()),
    'fs.close': ({ handle }) => this.#close(this.#entries, handle),
    'http.start': (args) => this.#startExchange(args),
    'http.write': ({ handle }, body) =>
      this.#exchanging(handle, (exchange) => {
        exchange.body += decode(body)
        return ok()
      }),
    'http.finish': ({ handle, trailers }) =>
      this.#exchanging(handle, (exchange) => {
        exchange.finished = true
        exchange.trailers = trailers
        return ok()
      }),
    'http.response': ({ handle }) =>
      this.#exchanging(handle, (_, { status = 200, headers = [], breakOff }) =>
        breakOff === undefined ? ok({ status, headers }) : failed(breakOff),
      ),
    'http.read': ({ handle }) =>
      this.#exchanging(handle, ({ chunks }, { trailers = [], cut }) => {
        const piece = chunks.shift()
        return piece === undefined && cut !== undefined ? failed(cut) : ok({ end: piece === undefined, trailers }, encode(piece ?? ''))
      }),
    'http.close': ({ handle }) => this.#close(this.#exchanges, handle),
    'secret.use': ({ name }) => {
      const placeholder = this.secrets[name]
      return placeholder === undefined ? failed('denied') : ok({ placeholder })
    },
    'tool.list': () => ok({ tools: Object.keys(this.tools).map((name) => ({ name, description: '', inputSchema: {} })) }),
    'tool.call': ({ name }, body) => {
      const run = this.tools[name]
      return run === undefined ? failed('unknown') : ok({}, encode(run(decode(body))))
    },
    'serve.read': () => failed('connection-terminated'),
    'serve.inform': () => ok(),
    'serve.respond': () => ok(),
    'serve.refuse': () => ok(),
    'serve.write': () => ok(),
    'serve.finish': () => ok(),
    // Stores, settings and the log are tested against their real providers, by `intercept`.
    'kv.open': () => failed('unavailable'),
    'kv.get': () => failed('unavailable'),
    'kv.stat': () => failed('unavailable'),
    'kv.set': () => failed('unavailable'),
    'kv.delete': () => failed('unavailable'),
    'kv.increment': () => failed('unavailable'),
    'kv.swap': () => failed('unavailable'),
    'kv.list': () => failed('unavailable'),
    'kv.close': () => ok(),
    'config.get': () => failed('unknown'),
    'config.list': () => ok({ names: [] }),
    'log.write': () => ok(),
    'stdin.read': () => {
      const piece = this.stdin.shift()
      return ok({ end: piece === undefined }, encode(piece ?? ''))
    },
  }

  #found(entry: Entry | undefined, then: (entry: Entry) => CallReply): CallReply {
    return entry === undefined ? failed('no-entry') : then(entry)
  }

  #opened(handle: number, then: (entry: Entry) => CallReply): CallReply {
    const entry = this.#entries.get(handle)
    return entry === undefined ? failed('bad-descriptor') : then(entry)
  }

  async #exchanging(handle: number, then: (exchange: Exchange, served: Served) => CallReply): Promise<CallReply> {
    const exchange = this.#exchanges.get(handle)
    return exchange === undefined ? failed('connection-terminated') : then(exchange, await exchange.served)
  }

  #close(open: Map<number, unknown>, handle: number): CallReply {
    this.closed.push(handle)
    return open.delete(handle) ? ok() : failed('bad-descriptor')
  }

  #remove({ dir, path }: { readonly dir: number; readonly path: string }): CallReply {
    const [folder, name] = this.#folderOf(dir, path)
    return folder?.delete(name) === true ? ok() : failed('no-entry')
  }

  #entryOf(content: string | Tree): Entry {
    const identity = `#${this.#nextIdentity++}`
    const times = { accessedNs: '1000000001', modifiedNs: '2000000002' }
    if (typeof content === 'string') return { identity, children: undefined, bytes: encode(content), ...times }
    const children = new Map(Object.entries(content).map(([name, each]) => [name, this.#entryOf(each)]))
    return { identity, children, bytes: nothing, ...times }
  }

  #at(dir: number, path: string): Entry | undefined {
    let entry = this.#entries.get(dir)
    for (const segment of path.split('/')) entry = entry?.children?.get(segment)
    return entry
  }

  #folderOf(dir: number, path: string): [Map<string, Entry> | undefined, string] {
    const cut = path.lastIndexOf('/')
    const folder = cut < 0 ? this.#entries.get(dir) : this.#at(dir, path.slice(0, cut))
    return [folder?.children, path.slice(cut + 1)]
  }

  #openFile(args: CallArgs<'fs.open'>): CallReply {
    const [folder, name] = this.#folderOf(args.dir, args.path)
    if (args.path.includes('..')) return failed('not-permitted')
    if (folder === undefined) return failed('no-entry')
    const existing = folder.get(name)
    if (existing === undefined && !args.create) return failed('no-entry')
    if (existing !== undefined && args.create && args.exclusive) return failed('exist')
    const entry = existing ?? this.#entryOf('')
    folder.set(name, entry)
    if (args.truncate) entry.bytes = nothing
    const handle = this.#nextHandle++
    this.#entries.set(handle, entry)
    return ok({ handle, type: typeOf(entry), writable: this.writable })
  }

  async #startExchange(args: CallArgs<'http.start'>): Promise<CallReply> {
    const request: Arrived = { start: args, body: '', finished: false, trailers: [] }
    this.arrived.push(request)
    const served = Promise.resolve(this.serve(request))
    const { refuse } = await served
    if (refuse !== undefined) return failed(refuse)
    const handle = this.#nextHandle++
    const chunks = [...((await served).chunks ?? [])]
    this.#exchanges.set(handle, Object.assign(request, { served, chunks }))
    return ok({ handle })
  }
}

const writeTo = (entry: Entry, offset: number | null, body: Uint8Array): CallReply => {
  const at = offset ?? entry.bytes.byteLength
  const grown = new Uint8Array(Math.max(entry.bytes.byteLength, at + body.byteLength))
  grown.set(entry.bytes)
  grown.set(body, at)
  entry.bytes = grown
  return ok({ written: body.byteLength })
}

const pageOf = (entry: Entry, after: string | null, length: number): CallReply => {
  if (entry.children === undefined) return failed('not-directory')
  const names = [...entry.children.keys()].sort().filter((name) => after === null || name > after)
  const entries = names.slice(0, length).map((name) => [name, typeOf(entry.children?.get(name) ?? entry)])
  return ok({ entries, more: names.length > length })
}

const typeOf = (entry: Entry): FileType => (entry.children === undefined ? 'regular-file' : 'directory')

const statOf = (entry: Entry): Readonly<Record<string, unknown>> => ({
  type: typeOf(entry),
  size: entry.bytes.byteLength,
  linkCount: 1,
  accessedNs: entry.accessedNs,
  modifiedNs: entry.modifiedNs,
  changedNs: '3000000003',
  identity: entry.identity,
})
