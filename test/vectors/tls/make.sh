#!/bin/sh
# Makes the certificates of this folder anew.
set -eu
cd "$(dirname "$0")"
days=36500

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

key ca.key
openssl req -x509 -new -key ca.key -sha256 -days "$days" -subj '/CN=countersign test CA' -out ca.pem \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'

# issue NAME SUBJECT EXTENSIONS
issue() {
  key "$1.key"
  openssl req -new -key "$1.key" -subj "$2" -out request.csr
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n%s\n' "$3" > extensions.cnf
  openssl x509 -req -in request.csr -CA ca.pem -CAkey ca.key -sha256 -days "$days" -set_serial "0x$(openssl rand -hex 16)" \
    -extfile extensions.cnf -out "$1.pem"
}

issue server '/CN=registry.example' 'subjectAltName=DNS:localhost,DNS:registry.example,IP:127.0.0.1,IP:::1
extendedKeyUsage=serverAuth'
issue elsewhere '/CN=elsewhere.example' 'subjectAltName=DNS:elsewhere.example
extendedKeyUsage=serverAuth'
issue client '/CN=countersign-test-client' 'extendedKeyUsage=clientAuth'

key stranger-client.key
openssl req -x509 -new -key stranger-client.key -sha256 -days "$days" -subj '/CN=stranger' -out stranger-client.pem \
  -addext 'extendedKeyUsage=clientAuth'

mkdir -p authorities
cp ca.pem authorities/
rm -f ca.key request.csr extensions.cnf # nothing more can be issued under this authority
