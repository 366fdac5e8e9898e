import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, readArray, readAs, readObject, readObjectOf, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { parseJsonInTurns } from './json-in-turns.ts'

/** What a review may cost. Objects are of 1.5 MiB at most where etcd keeps them, 3 MiB where the API server takes them; two of them come. */
export const reviewLimits = { bytes: 8 << 20, depth: 128, values: 500_000 } as const

/** Which kind of webhook was asked: one that changes objects, or one that has the last word. */
export type Endpoint = 'mutate' | 'validate'

/** What is about to happen to an object. `UPDATE` covers patches and changes by way of subresources. */
export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** Somebody asks the API server for something, which asks whether it may be. Everything in it comes from whoever asks, but for `userInfo`. */
export type Review = {
  readonly endpoint: Endpoint
  readonly uid: string
  readonly operation: Operation
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string }
  readonly subResource: string // empty for the object itself
  readonly namespace: string // empty for what is in none
  readonly name: string // empty where the API server is still to make one
  readonly userInfo: { readonly username: string; readonly uid: string; readonly groups: readonly string[] }
  readonly object: JsonObject | undefined // as it would be afterwards; of the API server's own kinds where `subResource` is set
  readonly oldObject: JsonObject | undefined // as it is
  readonly dryRun: boolean
}

const apiVersion = 'admission.k8s.io/v1'

const members = {
  review: ['apiVersion', 'kind', 'request'],
  request: [
    ...['uid', 'kind', 'resource', 'subResource', 'requestKind', 'requestResource', 'requestSubResource', 'name', 'namespace', 'operation'],
    ...['userInfo', 'object', 'oldObject', 'dryRun', 'options'],
  ],
  userInfo: ['username', 'uid', 'groups', 'extra'],
}

/**
 * Parses the question of an API server, and lets others have their turn where it is long.
 *
 * @throws CountersignError `JSON_MALFORMED`, `UTF8_MALFORMED` or `LIMIT_EXCEEDED`; also for a member that is not known, and for another
 *   version than v1
 * @see Kubernetes, API `admission.k8s.io/v1` AdmissionReview; admission.md §5
 */
export async function parseAdmissionReview(bytes: Uint8Array, endpoint: Endpoint, rest?: () => Promise<void>): Promise<Review> {
  const json = await parseJsonInTurns(bytes, 'admission review', reviewLimits, rest)
  return readAs('JSON_MALFORMED', 'admission review', () => readReview(json, endpoint))
}

function readReview(json: Json, endpoint: Endpoint): Review {
  const what = 'admission review'
  const version = readObject(json, what)['apiVersion']
  if (version !== apiVersion) throw wrong(`${what}: apiVersion: want ${quote(apiVersion)}, got ${quoted(version)}`)
  const review = readObjectOf(json, what, members.review)
  if (review['kind'] !== 'AdmissionReview') throw wrong(`${what}: kind: want "AdmissionReview", got ${quoted(review['kind'])}`)
  const request = readObjectOf(review['request'], 'request', members.request)
  for (const name of ['requestSubResource', 'requestKind', 'requestResource', 'options'] as const) checkAsAsked(request, name)
  const operation = readOperation(request['operation'])
  const kind = readKind(request['kind'])
  const object = readOptional(request['object'], 'request.object')
  if (object) checkKind(object, kind)
  if (!object && (operation === 'CREATE' || operation === 'UPDATE'))
    throw wrong(`request.object: want an object to ${quote(operation)}, got nothing`)
  return {
    endpoint,
    uid: readUid(request['uid']),
    operation,
    kind,
    resource: readResource(request['resource']),
    subResource: readText(request['subResource'], 'request.subResource'),
    namespace: readText(request['namespace'], 'request.namespace'),
    name: readText(request['name'], 'request.name'),
    userInfo: readUser(request['userInfo']),
    object,
    oldObject: readOptional(request['oldObject'], 'request.oldObject'),
    dryRun: readFlag(request['dryRun'], 'request.dryRun'),
  }
}

/** What was asked before the API server turned it into the version that the webhook is registered for, and how: nothing that is judged. */
function checkAsAsked(request: JsonObject, name: 'requestSubResource' | 'requestKind' | 'requestResource' | 'options'): void {
  const value = request[name]
  if (value === undefined || value === null) return
  if (name === 'requestSubResource') readText(value, `request.${name}`)
  else readObject(value, `request.${name}`)
}

function readOperation(value: unknown): Operation {
  const text = readString(value, 'request.operation')
  if (text !== 'CREATE' && text !== 'UPDATE' && text !== 'DELETE' && text !== 'CONNECT')
    throw wrong(`request.operation: want CREATE, UPDATE, DELETE or CONNECT, got ${quote(text)}`)
  return text
}

/** It is echoed, and stands in logs: nothing but what identifiers are made of. */
function readUid(value: unknown): string {
  const uid = readString(value, 'request.uid')
  if (!/^[A-Za-z0-9._:-]{1,128}$/.test(uid)) throw wrong(`request.uid: want 1 to 128 letters, digits, dots, dashes, got ${quote(uid)}`)
  return uid
}

function readKind(value: unknown): Review['kind'] {
  const { group, version, kind } = readObjectOf(value, 'request.kind', ['group', 'version', 'kind'])
  return {
    group: readText(group, 'request.kind.group'),
    version: readName(version, 'request.kind.version'),
    kind: readName(kind, 'request.kind.kind'),
  }
}

function readResource(value: unknown): Review['resource'] {
  const { group, version, resource } = readObjectOf(value, 'request.resource', ['group', 'version', 'resource'])
  return {
    group: readText(group, 'request.resource.group'),
    version: readName(version, 'request.resource.version'),
    resource: readName(resource, 'request.resource.resource'),
  }
}

/** An object of another kind than is asked about would be judged by the wrong rules. */
function checkKind(object: JsonObject, { group, version, kind }: Review['kind']): void {
  const wanted = group === '' ? version : `${group}/${version}`
  if (object['apiVersion'] !== wanted)
    throw wrong(`request.object.apiVersion: want ${quote(wanted)} as in request.kind, got ${quoted(object['apiVersion'])}`)
  if (object['kind'] !== kind) throw wrong(`request.object.kind: want ${quote(kind)} as in request.kind, got ${quoted(object['kind'])}`)
}

function readUser(value: unknown): Review['userInfo'] {
  const user = readObjectOf(value ?? {}, 'request.userInfo', members.userInfo)
  if (user['extra'] !== undefined && user['extra'] !== null) readObject(user['extra'], 'request.userInfo.extra')
  return {
    username: readText(user['username'], 'request.userInfo.username', 4096),
    uid: readText(user['uid'], 'request.userInfo.uid', 4096),
    groups: readArray(user['groups'] ?? [], 'request.userInfo.groups', 10_000, readString),
  }
}

function readOptional(value: unknown, at: string): JsonObject | undefined {
  return value === undefined || value === null ? undefined : readObject(value, at)
}

/** Text that may be left out: Go writes no empty ones. */
function readText(value: unknown, at: string, limit = 253): string {
  const text = readString(value ?? '', at)
  if (text.length > limit) throw new CountersignError('LIMIT_EXCEEDED', `${at}: want at most ${limit} characters, got ${text.length}`)
  return text
}

function readName(value: unknown, at: string): string {
  const text = readText(value, at)
  if (text === '') throw wrong(`${at}: want a name, got nothing`)
  return text
}

function readFlag(value: unknown, at: string): boolean {
  if (value !== undefined && value !== null && typeof value !== 'boolean') throw wrong(`${at}: want true or false, got ${quoted(value)}`)
  return value ?? false
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? quote(value) : value === undefined ? 'nothing' : 'something else'
}

function wrong(message: string): CountersignError {
  return new CountersignError('JSON_MALFORMED', message)
}
