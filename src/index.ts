export * from './oci.ts'
export * from './sign.ts'
export * from './verify.ts'
