/** Writes docs/stack.schema.json from what `stack.yaml` is held to: `node scripts/stack-schema.ts`. A unit test fails while it is stale. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stackSchema } from '../src/services/stack/config.ts'
import { jsonSchemaOf } from '../src/services/stack/config-schema.ts'

writeFileSync(join(import.meta.dirname, '../docs/stack.schema.json'), jsonSchemaOf(stackSchema))
