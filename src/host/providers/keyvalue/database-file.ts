import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreFault } from './store-operation.ts'

/** The tables, as SQLite keeps their text: whatever else is in a file (a trigger, a view) was put there from outside. */
const tables = [
  'CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE store (id INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE, revision INTEGER NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, sum BLOB NOT NULL, mac BLOB NOT NULL)',
  'CREATE TABLE entry (id INTEGER PRIMARY KEY, store INTEGER NOT NULL, tag BLOB NOT NULL, place INTEGER NOT NULL, revision INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (store, tag), UNIQUE (store, place))',
] as const

const format = '1'
/** Bytes that a write-ahead log keeps on disk once its content is in the database. */
const keptLogBytes = 4 * 1024 * 1024

/** Makes the folder of all databases, or checks that nobody else can reach what is in it. Throws {@link StoreFault} `unavailable`. */
const prepareFolder = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || (found.mode & 0o077) !== 0 || found.uid !== process.geteuid?.()) {
    throw new StoreFault('unavailable', `expected the folder \`${folder}\` to be this user's and closed to others (chmod 700)`)
  }
}

/** A file of ours alone, made when it is not there: SQLite would follow a link, and open a file that another may read. */
const claimFile = (path: string): void => {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    const found = fstatSync(file)
    if (!found.isFile() || found.nlink !== 1 || (found.mode & 0o077) !== 0 || found.uid !== process.geteuid?.()) {
      throw new StoreFault('unavailable', `expected \`${path}\` to be a file of this user's that nobody else can read`)
    }
  } finally {
    closeSync(file)
  }
}

const texts = (database: DatabaseSync): readonly unknown[] =>
  database
    .prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rootpage')
    .all()
    .map(({ sql }) => sql)

/** Makes the tables of a new database; two processes may come at once. */
const makeTables = (database: DatabaseSync, keyId: string): void => {
  database.exec('BEGIN IMMEDIATE')
  try {
    if (texts(database).length === 0) {
      for (const table of tables) database.exec(table)
      const about = database.prepare('INSERT INTO about (name, value) VALUES (?, ?)')
      about.run('format', format)
      about.run('key', keyId)
    }
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

const checkContent = (database: DatabaseSync, path: string, keyId: string): void => {
  const found = texts(database)
  if (found.length !== tables.length || !tables.every((table) => found.includes(table))) {
    throw new StoreFault(
      'unavailable',
      `\`${path}\` has other tables than expected: it was changed from outside, or made by another version`,
    )
  }
  const about = new Map(
    database
      .prepare('SELECT name, value FROM about')
      .all()
      .map(({ name, value }) => [name, value]),
  )
  if (about.get('format') !== format) throw new StoreFault('unavailable', `\`${path}\` has a format that this version does not know`)
  if (about.get('key') !== keyId) {
    throw new StoreFault('unavailable', `\`${path}\` was made with another key of this host: put that one back, or move the database away`)
  }
}

/**
 * Opens the database of that name in `folder`, making both. What is committed is on stable storage (a synced write-ahead log), whatever happens to the
 * process. Waits for no other process that has it. Throws {@link StoreFault} `unavailable`, or an error of SQLite.
 */
export const openDatabase = (folder: string, name: string, keyId: string): DatabaseSync => {
  prepareFolder(folder)
  const path = join(folder, name)
  claimFile(path)
  const database = new DatabaseSync(path, { timeout: 0, allowExtension: false, enableDoubleQuotedStringLiterals: false })
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
      PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = ${keptLogBytes}`)
    if (texts(database).length === 0) makeTables(database, keyId)
    checkContent(database, path, keyId)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
