import { describe, expect, it } from 'vitest'
import { asyncImports, isAsyncImport } from '#core/async-imports.ts'
import { implementedInterfaces } from '#core/implemented-interfaces.ts'
import { GuestEnd } from '#cell/adapters/world.ts'
import { bytes, importsOf, importsOver, MemoryWorld, settled } from './memory-world.ts'

type Class = { readonly prototype: object }

const isClass = (member: unknown): member is Class =>
  typeof member === 'function' && typeof (member as { prototype?: unknown }).prototype === 'object'

const classesOf = (imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>): [string, Class][] =>
  Object.values(imports).flatMap((members) => Object.entries(members).filter((entry): entry is [string, Class] => isClass(entry[1])))

const methodsOf = (resource: Class): string[] => Object.getOwnPropertyNames(resource.prototype)

const camelCase = (name: string): string => name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

describe('the imports of a session', () => {
  it('are the interfaces that ingest links, no more and no fewer', () => {
    expect(Object.keys(importsOver(new MemoryWorld().world)).toSorted()).toEqual([...implementedInterfaces.keys()].toSorted())
  })

  it('have no prototype and cannot be changed', () => {
    const imports = importsOver(new MemoryWorld().world)
    for (const members of [imports, ...Object.values(imports)]) {
      expect(Object.getPrototypeOf(members)).toBeNull()
      expect(Object.isFrozen(members)).toBe(true)
    }
  })

  it('give no member of JavaScript to a component that names one', () => {
    for (const [name, resource] of classesOf(importsOver(new MemoryWorld().world))) {
      for (const member of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'call', 'apply', 'bind', '__proto__']) {
        expect([name, member, Reflect.get(resource.prototype, member), Reflect.get(resource, member)]).toEqual([
          name,
          member,
          undefined,
          undefined,
        ])
      }
    }
  })

  it('give promises from exactly the functions that are imported as suspending', async () => {
    const imports = importsOver(new MemoryWorld().world)
    const suspending = asyncImports.map((name) => {
      const [id = '', member = ''] = name.split('#')
      expect(isAsyncImport(id, member)).toBe(true)
      return `${id} ${camelCase(member.replace(/^\[(?:method|static)\]/, ''))}`
    })
    const found: string[] = []
    for (const [id, members] of Object.entries(imports)) {
      for (const [name, member] of Object.entries(members)) found.push(...(await promisesOf(name, member)).map((each) => `${id} ${each}`))
    }
    const pollableBlock = 'wasi:io/poll pollable.block'
    expect([...found, pollableBlock].toSorted()).toEqual(suspending.toSorted())
    expect(importsOf(new MemoryWorld())['wasi:clocks/monotonic-clock'].subscribeDuration(0n).block()).toBeInstanceOf(Promise)
  })
})

/** The functions of one member of an interface that give promises. */
const promisesOf = async (name: string, member: unknown): Promise<string[]> => {
  if (!isClass(member)) return member?.constructor?.name === 'AsyncFunction' ? [name] : []
  const resource = name.replace(/^[A-Z]/, (letter) => letter.toLowerCase())
  const found: string[] = []
  for (const method of methodsOf(member)) {
    const given = resultOfForged(member, method)
    if (given instanceof Promise) found.push(`${resource}.${method}`)
    await Promise.resolve(given).catch(() => undefined)
  }
  for (const method of Object.getOwnPropertyNames(member)) {
    const descriptor = Object.getOwnPropertyDescriptor(member, method)
    if (descriptor?.value?.constructor?.name === 'AsyncFunction') found.push(`${resource}.${method}`)
  }
  return found
}

const resultOfForged = (resource: Class, method: string): unknown => {
  const forged: unknown = Object.create(resource.prototype)
  try {
    const run: unknown = Reflect.get(resource.prototype, method)
    return typeof run === 'function' ? run.call(forged, forged, forged, forged, forged) : undefined
  } catch (error) {
    return error
  }
}

describe('a forged handle', () => {
  it('throws TypeError from every method and from every drop, before anything else happens', async () => {
    const world = new MemoryWorld()
    const tried: string[] = []
    for (const [name, resource] of classesOf(importsOver(world.world))) {
      for (const member of [...methodsOf(resource), Symbol.dispose]) {
        const run: unknown = Reflect.get(resource.prototype, member)
        if (typeof run !== 'function') continue
        const attempt = async (): Promise<unknown> => run.call(Object.create(resource.prototype), 1n, 1n, 1n, 1n)
        await expect(attempt(), `${name}.${String(member)}`).rejects.toThrow(TypeError)
        tried.push(name)
      }
    }
    expect(new Set(tried).size).toBeGreaterThanOrEqual(21)
    expect(world.host.calls).toEqual([])
    expect(world.held).toBe(0)
  })

  it('throws TypeError where it is given as an argument', async () => {
    const world = new MemoryWorld({ f: '' })
    const imports = importsOf(world)
    const http = imports['wasi:http/types']
    const forge = (resource: object): never => Object.create((resource as Class).prototype) as never
    const [root] = imports['wasi:filesystem/preopens'].getDirectories()[0] ?? []
    expect(() => new http.OutgoingRequest(forge(http.Fields))).toThrow(TypeError)
    expect(() => http.OutgoingBody.finish(forge(http.OutgoingBody), undefined)).toThrow(TypeError)
    expect(() => http.IncomingBody.finish(forge(http.IncomingBody))).toThrow(TypeError)
    expect(() => imports['wasi:http/outgoing-handler'].handle(forge(http.OutgoingRequest), undefined)).toThrow(TypeError)
    expect(() => http.httpErrorCode(forge(imports['wasi:io/error'].Error))).toThrow(TypeError)
    expect(() => http.ResponseOutparam.set(forge(http.ResponseOutparam), { tag: 'ok' })).toThrow(TypeError)
    await expect(imports['wasi:io/poll'].poll([forge(imports['wasi:io/poll'].Pollable)])).rejects.toThrow(TypeError)
    const types = importsOver(world.world)['wasi:filesystem/types'] ?? {}
    const forged: never = forge(types['Descriptor'] ?? {})
    await expect(root?.renameAt('f', forged, 'g')).rejects.toThrow(TypeError)
    await expect(root?.linkAt({}, 'f', forged, 'g')).rejects.toThrow(TypeError)
    await expect(root?.isSameObject(forged)).rejects.toThrow(TypeError)
    const out = imports['wasi:cli/stdout'].getStdout()
    expect(() => out.splice(forge(imports['wasi:io/streams'].InputStream), 1n)).toThrow(TypeError)
    expect(world.host.calls).toEqual([])
  })
})

describe('the count of resources', () => {
  it('ends a guest that holds one too many', () => {
    const world = new MemoryWorld({}, { handles: 3 })
    const { Fields } = importsOf(world)['wasi:http/types']
    const held = Array.from({ length: 3 }, () => new Fields())
    expect(held).toHaveLength(3)
    expect(() => new Fields()).toThrow(GuestEnd)
    expect(world.ends).toEqual([{ kind: 'trap', message: 'too many handles' }])
  })

  it('is back at nothing when everything was dropped', async () => {
    const world = new MemoryWorld({ dir: { f: 'text' } })
    const imports = importsOf(world)
    const http = imports['wasi:http/types']
    using clock = imports['wasi:clocks/monotonic-clock'].subscribeDuration(0n)
    const [first] = imports['wasi:filesystem/preopens'].getDirectories()
    if (first === undefined) throw new Error('expected a preopen')
    {
      using root = first[0]
      using file = await root.openAt({}, 'dir/f', {}, { read: true, write: true })
      using input = file.readViaStream(0n)
      using output = file.writeViaStream(0n)
      using pollable = output.subscribe()
      using entries = await (await root.openAt({}, 'dir', { directory: true }, { read: true })).readDirectory()
      await input.blockingRead(2n)
      await entries.readDirectoryEntry()
      pollable.ready()
      using request = new http.OutgoingRequest(http.Fields.fromList([['a', bytes('b')]]))
      using body = request.body()
      using stream = body.write()
      stream.checkWrite()
      stream.write(bytes('lost'))
    }
    await settled()
    expect(world.held).toBe(2)
    clock.ready()
  })

  it('keeps the place of what was dropped while it still works, so that dropping in a loop piles up nothing', async () => {
    const world = new MemoryWorld({}, { handles: 8 })
    const imports = importsOf(world)
    const http = imports['wasi:http/types']
    world.host.serve = () => new Promise(() => undefined)
    const send = (): void => {
      const request = new http.OutgoingRequest(new http.Fields())
      request.setAuthority('a.test')
      imports['wasi:http/outgoing-handler'].handle(request, undefined)[Symbol.dispose]()
    }
    expect(() => Array.from({ length: 9 }, send)).toThrow(GuestEnd)
    await settled()
    expect(world.host.arrived.length).toBeLessThanOrEqual(8)
  })
})
