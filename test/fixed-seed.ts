import { configureGlobal, readConfigureGlobal } from 'fast-check'

/**
 * Property tests try the same inputs in every run, so that a red run means a change made it red. To hunt with new inputs:
 * `CORDON_SEED=random npm run test:unit`; to repeat a find, the seed that it printed.
 */
const asked = process.env['CORDON_SEED'] ?? '20261123'
const seed = asked === 'random' ? undefined : Number(asked)
if (seed !== undefined && !Number.isInteger(seed))
  throw new TypeError(`expected CORDON_SEED to be \`random\` or an integer, got \`${asked}\``)
if (seed !== undefined) configureGlobal({ ...readConfigureGlobal(), seed })
