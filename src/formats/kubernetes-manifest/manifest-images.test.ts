import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CountersignError } from '../../codec/error.ts'
import { findManifestImages } from './manifest-images.ts'

const pod = (...images: readonly string[]) => `{containers: [${images.map(image => `{image: ${image}}`).join(', ')}]}`
const workload = (kind: string, version: string, spec: string) =>
  `apiVersion: ${version}\nkind: ${kind}\nmetadata: {name: x}\nspec: ${spec}\n`

for (const { name, text, images, passedOver = [] as string[], unread = [] as string[] } of [
  { name: 'Pod', text: workload('Pod', 'v1', pod('a', 'b')), images: ['a', 'b'] },
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].map(kind => ({
    name: kind,
    text: workload(kind, 'apps/v1', `{template: {metadata: {labels: {image: z}}, spec: ${pod('a')}}}`),
    images: ['a'],
  })),
  { name: 'ReplicationController', text: workload('ReplicationController', 'v1', `{template: {spec: ${pod('a')}}}`), images: ['a'] },
  { name: 'Job', text: workload('Job', 'batch/v1', `{template: {spec: ${pod('a')}}}`), images: ['a'] },
  { name: 'CronJob', text: workload('CronJob', 'batch/v1', `{jobTemplate: {spec: {template: {spec: ${pod('a')}}}}}`), images: ['a'] },
  { name: 'PodTemplate', text: `apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: ${pod('a')}}`, images: ['a'] },
  {
    name: 'a list of objects',
    text: `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, spec: ${pod('a')}}\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, spec: ${pod('b')}}]}`,
    images: ['a', 'b'],
  },
  { name: 'a list of pods', text: `apiVersion: v1\nkind: PodList\nitems: [{spec: ${pod('a')}}]`, images: ['a'] },
  {
    name: 'init containers first, then containers and ephemeral ones, then volumes',
    text: workload(
      'Pod',
      'v1',
      '{volumes: [{image: {reference: d}}], ephemeralContainers: [{image: c}], containers: [{image: b}], initContainers: [{image: a}]}',
    ),
    images: ['a', 'b', 'c', 'd'],
  },
  { name: 'each image once', text: workload('Pod', 'v1', pod('a', 'b', 'a')), images: ['a', 'b'] },
  { name: 'field names in any case', text: 'apiVersion: v1\nkind: Pod\nSpec: {Containers: [{Image: a, image: b}]}', images: ['a', 'b'] },
  {
    name: 'several documents, some empty',
    text: `---\n---\n${workload('Pod', 'v1', pod('a'))}--- # next\n${workload('Pod', 'v1', pod('b'))}...\n`,
    images: ['a', 'b'],
  },
  {
    name: 'JSON with tabs',
    text: '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"spec": {"containers": [{"image": "a"}]}\n}\n',
    images: ['a'],
  },
  {
    name: 'anchors, aliases and merges',
    text: workload(
      'Pod',
      'v1',
      '\n  initContainers: [&c {image: a, name: x}]\n  containers: [*c, {<<: *c, image: b}, {<<: [{image: c}, *c]}]',
    ),
    images: ['a', 'b', 'c'],
  },
  { name: 'an object without kind', text: `spec: ${pod('a')}`, images: ['a'] },

  {
    name: 'a Service is passed over',
    text: workload('Service', 'v1', '{selector: {image: z}}'),
    images: [],
    passedOver: ['document 1: Service "x"'],
  },
  {
    name: 'data is no image',
    text: 'apiVersion: v1\nkind: ConfigMap\ndata: {image: z, containers: y}',
    images: [],
    passedOver: ['document 1: ConfigMap'],
  },
  {
    name: 'a schema is no image',
    text: workload(
      'CustomResourceDefinition',
      'apiextensions.k8s.io/v1',
      '{properties: {containers: {type: array}, image: {type: string}}}',
    ),
    images: [],
    passedOver: ['document 1: CustomResourceDefinition "x"'],
  },
  { name: 'the status is no image', text: `${workload('Pod', 'v1', pod('a'))}status: {containerStatuses: [{image: z}]}`, images: ['a'] },
  {
    name: 'a kind inside another is not believed',
    text: workload('Deployment', 'apps/v1', `{template: {apiVersion: v1, kind: ConfigMap, metadata: {}, spec: ${pod('a')}}}`),
    images: ['a'],
  },

  {
    name: 'a custom kind with a template',
    text: workload('Rollout', 'argoproj.io/v1alpha1', `{template: {spec: ${pod('a')}}}`),
    images: ['a'],
  },
  {
    name: 'a custom kind with images elsewhere',
    text: workload('Task', 'tekton.dev/v1', '{steps: [{image: a}], sidecars: [{image: b}], image: c}'),
    images: ['a', 'b', 'c'],
  },
  {
    name: 'a custom kind that names containers otherwise',
    text: workload('X', 'x.test/v1', '{containers: {main: {image: a}}, initContainers: [main]}'),
    images: ['a'],
  },
  {
    name: 'a custom kind with an image that is no text',
    text: workload('HelmRelease', 'toolkit.fluxcd.io/v2', '{values: {image: {repository: r, tag: 1}, sub: {image: 5}}}'),
    images: [],
    passedOver: ['document 1: HelmRelease "x"'],
    unread: ['document 1: HelmRelease "x": spec.values.image', 'document 1: HelmRelease "x": spec.values.sub.image'],
  },
  {
    name: 'a ConfigMap with items, which kubectl applies as a list',
    text: `apiVersion: v1\nkind: ConfigMap\nitems:\n- ${workload('Pod', 'v1', pod('a')).trimEnd().replaceAll('\n', '\n  ')}`,
    images: ['a'],
    passedOver: [],
  },
  { name: 'a group of others under k8s.io', text: workload('Cluster', 'kops.k8s.io/v1alpha2', '{etcd: {image: a}}'), images: ['a'] },
  { name: 'a group of others that looks like one of Kubernetes', text: workload('Secret', 'x-k8s.io/v1', '{image: a}'), images: ['a'] },
])
  test(`findManifestImages: ${name}`, () => assert.deepEqual(findManifestImages(text), { images, passedOver, unread }))

const place = 'manifest: document 1: Pod "x": spec'
for (const { name, text, code = 'DOCUMENT_MALFORMED', message } of [
  {
    name: 'an image that is a number',
    text: workload('Pod', 'v1', pod('5')),
    message: `${place}.containers[0].image: want the name of an image, got no text but a number`,
  },
  {
    name: 'an image that is a list',
    text: workload('Pod', 'v1', pod('[a]')),
    message: `${place}.containers[0].image: want the name of an image, got no text but a list`,
  },
  {
    name: 'an image that is empty',
    text: workload('Pod', 'v1', pod('a', '""')),
    message: `${place}.containers[1].image: want the name of an image, got an empty text`,
  },
  {
    name: 'an image that is null',
    text: workload('Pod', 'v1', '{initContainers: [{image: }]}'),
    message: `${place}.initContainers[0].image: want the name of an image, got nothing`,
  },
  {
    name: 'a container without image',
    text: workload('Pod', 'v1', '{containers: [{name: a}]}'),
    message: `${place}.containers[0].image: want the name of an image, got nothing`,
  },
  {
    name: 'a volume without reference',
    text: workload('Pod', 'v1', '{volumes: [{image: {pullPolicy: Always}}]}'),
    message: `${place}.volumes[0].image.reference: want the name of an image, got nothing`,
  },
  {
    name: 'containers that are no list',
    text: workload('Pod', 'v1', '{containers: {image: a}}'),
    message: `${place}.containers: want a list of containers, got something else`,
  },
  {
    name: 'a container that is no map',
    text: workload('Pod', 'v1', '{containers: [a]}'),
    message: `${place}.containers: want a list of containers, got something else`,
  },
  { name: 'a document that is no object', text: '- a', message: 'manifest: document 1: want an object, got something else' },
  {
    name: 'a broken item of a list',
    text: 'apiVersion: v1\nkind: List\nitems: [5]',
    message: 'manifest: document 1: items[0]: want an object, got something else',
  },
  {
    name: 'a million values of aliases',
    text: `a0: &a0 [x]\n${Array.from({ length: 90 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join('')}`,
    code: 'LIMIT_EXCEEDED',
    message: 'manifest: document 1: object without kind: want at most 1000000 values, aliases counted, got more',
  },
  {
    name: 'lists of lists by aliases',
    text: `x: &a0 {}\n${Array.from({ length: 40 }, (_, n) => `a${n}: &a${n + 1} {apiVersion: v1, kind: List, items: [*a${n}, *a${n}]}\n`).join('')}apiVersion: v1\nkind: List\nitems: [*a40]\n`,
    code: 'LIMIT_EXCEEDED',
    message: 'manifest: want at most 10000 objects, aliases counted, got more',
  },
  {
    name: 'too many images',
    text: workload('Pod', 'v1', pod(...Array.from({ length: 1001 }, (_, n) => `i${n}`))),
    code: 'LIMIT_EXCEEDED',
    message: 'manifest: want at most 1000 images, got more',
  },
])
  test(`findManifestImages refuses ${name}`, () =>
    assert.throws(() => findManifestImages(text), { name: 'CountersignError', code, message }))

const pieces = [
  'a',
  ': ',
  '- ',
  '\n',
  '  ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a ',
  '*a',
  '<<: ',
  '"',
  "'",
  '|',
  '>',
  '---',
  '...',
  '#',
  '!!str ',
  '!x ',
  '? ',
  '%YAML 1.1\n',
  'image: ',
  'containers:',
  '\t',
  '\r',
]
test('findManifestImages answers any text, or refuses it by an error of ours', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(text, text => {
      try {
        assert.ok(!findManifestImages(text).images.includes(''))
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
      }
    }),
    { numRuns: 200 },
  )
})

test('findManifestImages finds again what was written as JSON', () => {
  const images = fc.array(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(images, images => {
      const text = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', spec: { containers: images.map(image => ({ image })) } })
      assert.deepEqual(findManifestImages(text).images, [...new Set(images)])
    }),
  )
})
