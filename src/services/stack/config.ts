import { type Document, isNode, parseDocument } from 'yaml'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { parseYamlDocuments, type YamlMap, type YamlValue } from '../../formats/kubernetes-manifest/yaml-documents.ts'
import { type IssuerConnector, isLoopback } from '../issuer/configuration.ts'
import { checkAgainst, type Schema, type SchemaPath } from './config-schema.ts'
import { type RemoteKeys, remoteKeyNames } from './keys/remote-keys.ts'

/** What a stack is told, in `stack.yaml` of its folder. */
export type StackConfig = {
  readonly url: URL // by which clients reach it, without a path: it goes into certificates, logs and tokens, and stays
  readonly operator: string // of the services, in trusted root and signing config
  readonly listen: { readonly address: HostPort; readonly certificate?: string; readonly key?: string } // PEM files, beside stack.yaml
  readonly metrics: HostPort | undefined
  readonly fulcio: string // Fulcio's own configuration of issuers, its lines where they are in this file; may be empty
  readonly rekor: {
    readonly signWith: 'v1' | 'v2' // what the signing config tells clients to use
    readonly acceptDsse: boolean
    readonly onDuplicate: 'returnExisting' | 'conflict'
  }
  /** NTP servers that the clock of timestamps is held against. */
  readonly ntp: { readonly servers: readonly HostPort[]; readonly maxOffsetSeconds: number; readonly failClosed: boolean } | undefined
  /** Who cosigns the heads of the log of version 2: a policy in a file beside `stack.yaml`. */
  readonly witness: { readonly policy: string; readonly failOpen: boolean; readonly timeoutMs: number } | undefined
  readonly issuer:
    | { readonly users: readonly IssuerUser[]; readonly connectors: readonly IssuerConnector[]; readonly tokenMinutes: number }
    | undefined
  readonly registry: boolean
  /** References of keys that stay in a KMS or an HSM, in place of files in `keys`. */
  readonly keys: RemoteKeys
}

/** Where something listens: a name or an address, of IPv6 in brackets, and a port. */
export type HostPort = { readonly host: string; readonly port: number }

/** Somebody who may sign in. */
export type IssuerUser = {
  readonly email: string
  readonly passwordHash: string
  readonly name?: string
  readonly connector?: string // `federated_claims.connector_id` of their tokens
}

const hostPort = /^(\[[0-9a-f:]+\]|[0-9a-z.-]+):([0-9]{1,5})$/

const ntpServer = /^[0-9A-Za-z.-]+(:[0-9]{1,5})?$/

/** The schema of `stack.yaml`, for editors as well: `docs/stack.schema.json`. */
export const stackSchema: Schema = {
  type: 'object',
  description: 'a private Sigstore: countersign stack',
  required: ['version', 'url', 'operator'],
  properties: {
    version: { type: 'integer', description: 'version of this file', minimum: 1, maximum: 1 },
    url: {
      type: 'string',
      description: 'an http or https URL without a path, by which clients reach the stack',
      pattern: /^https?:\/\/[0-9a-z.-]+(:[0-9]{1,5})?$/,
    },
    operator: {
      type: 'string',
      description: 'a name of at most 64 letters, digits, dots and dashes',
      pattern: /^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$/,
    },
    listen: {
      type: 'object',
      description: 'where it serves: unless told, at url where that is on loopback, else at 127.0.0.1:7070, for a proxy with TLS before it',
      properties: {
        address: { type: 'string', description: 'HOST:PORT', pattern: hostPort },
        certificate: { type: 'string', description: 'PEM file of the TLS certificate and its chain, beside this file' },
        key: { type: 'string', description: 'PEM file of the TLS private key, beside this file' },
      },
    },
    metrics: { type: 'string', description: 'HOST:PORT of Prometheus metrics; none are served unless told', pattern: hostPort },
    fulcio: {
      type: 'object',
      description: "Fulcio's configuration of issuers: oidc-issuers, meta-issuers, ci-issuer-metadata",
      additionalProperties: true,
    },
    rekor: {
      type: 'object',
      description: 'the transparency logs',
      properties: {
        'sign-with': {
          type: 'string',
          description: 'the log that clients are told to use: v1 is understood by cosign 2 as well',
          enum: ['v1', 'v2'],
          default: 'v1',
        },
        'accept-dsse': { type: 'boolean', description: 'whether the log of version 2 takes DSSE envelopes', default: true },
        'on-duplicate': {
          type: 'string',
          description: 'what the log of version 2 answers to an entry that it has: the entry, or 409',
          enum: ['return', 'conflict'],
          default: 'return',
        },
      },
    },
    timestamps: {
      type: 'object',
      description: 'the timestamp authority',
      properties: {
        ntp: {
          type: 'object',
          description: 'NTP servers that the clock is held against once a minute; it is not where this is left out',
          required: ['servers'],
          properties: {
            servers: {
              type: 'array',
              description: 'of which four are asked each time, and more than half must answer',
              maxItems: 32,
              items: { type: 'string', description: 'HOST or HOST:PORT, port 123 unless told', pattern: ntpServer },
            },
            'max-offset-seconds': {
              type: 'integer',
              description: 'how far the clock may be from that of the servers',
              minimum: 1,
              maximum: 3600,
              default: 6,
            },
            'fail-closed': {
              type: 'boolean',
              description: 'whether no timestamps are made while the clock is off, or servers could not be asked for five minutes',
              default: false,
            },
          },
        },
      },
    },
    witness: {
      type: 'object',
      description: 'witnesses that cosign the heads of the log of version 2; none are asked where this is left out',
      required: ['policy'],
      properties: {
        policy: { type: 'string', description: 'file of the policy: witnesses, groups and the quorum of them, beside this file' },
        'fail-open': {
          type: 'boolean',
          description: 'whether a head is published without a quorum when witnesses do not answer; if not, entries are answered 503',
          default: true,
        },
        'timeout-ms': {
          type: 'integer',
          description: 'how long all witnesses together may take to cosign a head',
          minimum: 10,
          maximum: 10_000,
          default: 1000,
        },
      },
    },
    issuer: {
      type: 'object',
      description: 'the OIDC issuer; none is served where this is left out',
      properties: {
        'token-minutes': { type: 'integer', description: 'how long an ID token is good for', minimum: 1, maximum: 60, default: 10 },
        connectors: {
          type: 'array',
          description: 'other issuers, whose tokens are exchanged for tokens of this one (RFC 8693)',
          maxItems: 100,
          items: {
            type: 'object',
            description: 'an issuer',
            required: ['id', 'issuer', 'audience'],
            properties: {
              id: { type: 'string', description: 'connector_id of requests, and of federated_claims', pattern: /^[\x21-\x7e]{1,255}$/ },
              issuer: {
                type: 'string',
                description: 'its URL, as its tokens have it; it is asked for its keys',
                pattern: /^https?:\/\/\S+$/,
              },
              audience: { type: 'string', description: 'whom its tokens must be for: a name of this stack', pattern: /^.{1,255}$/ },
              'email-domains': {
                type: 'array',
                description: 'domains of the email addresses that it may vouch for; none unless told',
                maxItems: 100,
                items: { type: 'string', description: 'a domain in lower case', pattern: /^[a-z0-9-]+(\.[a-z0-9-]+)*$/ },
              },
            },
          },
        },
        users: {
          type: 'array',
          description: 'who may sign in',
          maxItems: 10_000,
          items: {
            type: 'object',
            description: 'a user',
            required: ['email', 'password-hash'],
            properties: {
              email: { type: 'string', description: 'an email address', pattern: /^[^@\s]+@[^@\s]+$/ },
              'password-hash': { type: 'string', description: 'what `stack hash-password` prints' },
              name: { type: 'string', description: 'a name for people', pattern: /^[^\p{Cc}]{1,255}$/u },
              connector: {
                type: 'string',
                description: 'whose user this is: federated_claims.connector_id of tokens, for issuer-claim of Fulcio; local unless told',
                pattern: /^[\x21-\x7e]{1,255}$/,
              },
            },
          },
        },
      },
    },
    keys: {
      type: 'object',
      description: 'keys that stay in a KMS or an HSM: what is not named here is a file in the folder keys',
      properties: Object.fromEntries(
        remoteKeyNames.map(name => [
          name,
          {
            type: 'string',
            description: 'reference of a key in a KMS or an HSM, as --key takes it, without a PIN',
            pattern: /^(?!.*pin-value)[a-z][a-z0-9+.-]*:\S{1,1000}$/,
          },
        ]),
      ),
    },
    registry: { type: 'boolean', description: 'whether an OCI registry is served as well', default: false },
  },
}

const limitBytes = 1 << 20

/**
 * Reads `stack.yaml`.
 *
 * @param what - the file, begins every message
 * @throws CountersignError `CONFIGURATION_MALFORMED` with the line
 */
export function parseStackConfig(text: string, what: string): StackConfig {
  if (text.length > limitBytes) throw malformed(what, `want at most ${limitBytes} characters, got ${text.length}`)
  const root = parseOne(text, what)
  checkAgainst(stackSchema, root, path => `${what}: ${placeOf(text, path)}`)
  const config = new Reader(root as YamlMap)
  const url = new URL(config.text('url'))
  const listen = config.map('listen')
  const rekor = config.map('rekor')
  const timestamps = config.map('timestamps')
  const ntp = timestamps.has('ntp') ? timestamps.map('ntp') : undefined
  const witness = config.has('witness') ? config.map('witness') : undefined
  const keys = config.map('keys')
  const issuer = config.has('issuer') ? config.map('issuer') : undefined
  const [certificate, key] = [listen.optional('certificate'), listen.optional('key')]
  if ((certificate === undefined) !== (key === undefined)) throw malformed(what, 'listen: want certificate and key, got one of them')
  const told = listen.optional('address') ?? (isLoopback(url.hostname) ? `${url.hostname}:${url.port || 80}` : behindProxy)
  const address = parseHostPort(told, `${what}: listen.address`)
  if (certificate === undefined) refuseWithoutTls(address, `${what}: listen.address`)
  const metrics = config.has('metrics') ? parseHostPort(config.text('metrics'), `${what}: metrics`) : undefined
  if (metrics && certificate === undefined) refuseWithoutTls(metrics, `${what}: metrics`)
  return {
    url,
    operator: config.text('operator'),
    listen: {
      address,
      ...(certificate !== undefined && key !== undefined && { certificate, key }),
    },
    metrics,
    fulcio: config.has('fulcio') ? sectionOf(text, 'fulcio') : '',
    rekor: {
      signWith: rekor.text('sign-with', 'v1') as 'v1' | 'v2',
      acceptDsse: rekor.flag('accept-dsse', true),
      onDuplicate: rekor.text('on-duplicate', 'return') === 'conflict' ? 'conflict' : 'returnExisting',
    },
    ntp: ntp && {
      servers: readNtpServers(ntp.texts('servers'), what),
      maxOffsetSeconds: ntp.number('max-offset-seconds', 6),
      failClosed: ntp.flag('fail-closed', false),
    },
    witness: witness && {
      policy: witness.text('policy'),
      failOpen: witness.flag('fail-open', true),
      timeoutMs: witness.number('timeout-ms', 1000),
    },
    issuer: issuer && {
      tokenMinutes: issuer.number('token-minutes', 10),
      connectors: issuer.list('connectors').map(connector => ({
        id: connector.text('id'),
        issuer: connector.text('issuer'),
        audience: connector.text('audience'),
        emailDomains: connector.texts('email-domains'),
      })),
      users: issuer.list('users').map(user => {
        const [name, connector] = [user.optional('name'), user.optional('connector')]
        const own = { email: user.text('email'), passwordHash: user.text('password-hash') }
        return { ...own, ...(name !== undefined && { name }), ...(connector !== undefined && { connector }) }
      }),
    },
    registry: config.flag('registry', false),
    keys: Object.fromEntries(remoteKeyNames.flatMap(name => (keys.has(name) ? [[name, keys.text(name)]] : []))),
  }
}

/** Where a stack listens whose URL is that of a proxy before it, unless told. */
const behindProxy = '127.0.0.1:7070'

/** Requests and answers must not be read or changed on their way. */
function refuseWithoutTls({ host }: HostPort, what: string): void {
  if (!isLoopback(host.includes(':') ? `[${host}]` : host))
    throw malformed(what, `want certificate and key for an address that others reach, got ${quote(host)} alone`)
}

function parseOne(text: string, what: string): YamlValue {
  try {
    const [document, ...others] = parseYamlDocuments(text)
    if (document === undefined || others.length > 0)
      throw malformed(what, `want one YAML document, got ${others.length === 0 ? 'none' : others.length + 1}`)
    return document
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code === 'CONFIGURATION_MALFORMED') throw cause
    throw new CountersignError('CONFIGURATION_MALFORMED', `${what}: ${cause.message.replace(/^manifest: /, '')}`, { cause })
  }
}

/** `line 7: rekor.sign-with`. Values have lost their places, so the text is read once more, which it has survived before. */
function placeOf(text: string, path: SchemaPath): string {
  const document = parseDocument(text)
  let known = path
  while (known.length > 0 && !isNode(nodeAt(document, known))) known = known.slice(0, -1)
  const node = nodeAt(document, known)
  const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  const name = path.map(part => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
  return `line ${text.slice(0, offset).split('\n').length}${name === '' ? '' : `: ${name.slice(1)}`}`
}

/** The text of one member, its lines and columns where they were: for a reader of its own, whose errors then name the right line. */
function sectionOf(text: string, name: string): string {
  const node = nodeAt(parseDocument(text), [name])
  if (!isNode(node) || !node.range) throw new TypeError(`${name} has passed the schema`)
  const [start, end] = node.range
  return `${text.slice(0, start).replaceAll(/[^\n]/g, ' ')}${text.slice(start, end)}`
}

function nodeAt(document: Document.Parsed, path: SchemaPath): unknown {
  return path.length === 0 ? document.contents : document.getIn(path, true)
}

function readNtpServers(servers: readonly string[], what: string): readonly HostPort[] {
  const at = `${what}: timestamps.ntp.servers`
  if (servers.length === 0) throw malformed(at, 'want at least one, got none')
  return servers.map(server => parseHostPort(server.includes(':') ? server : `${server}:123`, at))
}

/** @throws CountersignError `CONFIGURATION_MALFORMED` */
function parseHostPort(text: string, what: string): HostPort {
  const [, host, port] = hostPort.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) throw malformed(what, `want HOST:PORT, got ${quote(text)}`)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** Members of a map that has passed the schema. */
class Reader {
  readonly #value: YamlMap
  constructor(value: YamlMap) {
    this.#value = value
  }
  has(name: string): boolean {
    return this.#value.has(name)
  }
  optional(name: string): string | undefined {
    return this.#value.get(name) as string | undefined
  }
  text(name: string, otherwise = ''): string {
    return this.optional(name) ?? otherwise
  }
  flag(name: string, otherwise: boolean): boolean {
    return (this.#value.get(name) as boolean | undefined) ?? otherwise
  }
  number(name: string, otherwise: number): number {
    return (this.#value.get(name) as number | undefined) ?? otherwise
  }
  map(name: string): Reader {
    return new Reader((this.#value.get(name) as YamlMap | undefined) ?? new Map())
  }
  texts(name: string): readonly string[] {
    return (this.#value.get(name) as readonly string[] | undefined) ?? []
  }
  list(name: string): readonly Reader[] {
    return ((this.#value.get(name) as readonly YamlMap[] | undefined) ?? []).map(item => new Reader(item))
  }
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', `${what}: ${problem}`)
}
