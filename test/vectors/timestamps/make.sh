#!/bin/sh
# Makes every file beside it anew. Only the certificates and responses are kept; the private keys were thrown away.
set -eu
cd "$(dirname "$0")"
made=$(mktemp -d)
printf 'what was stamped\n' > message

cat > "$made/ts.cnf" <<'CNF'
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = $ENV::MADE/serial
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500, microsecs:100
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = $ENV::ESS_CHAIN
ess_cert_id_alg = $ENV::ESS_HASH
signer_digest = $ENV::SIGNER_HASH
CNF
export MADE="$made"
echo 01 > "$made/serial"

# certificate NAME ISSUER KEY-OPTIONS EXTENSIONS...
certificate() {
  name=$1 issuer=$2 key=$3
  shift 3
  printf '%s\n' "$@" > "$made/$name.ext"
  openssl req -new -newkey $key -nodes -keyout "$made/$name.key" -subj "/O=Vectors/CN=$name" -out "$made/$name.csr" 2> /dev/null
  if [ "$issuer" = "$name" ]; then sign="-signkey $made/$name.key"; else sign="-CA $issuer.pem -CAkey $made/$issuer.key"; fi
  openssl x509 -req -in "$made/$name.csr" $sign -set_serial "0x1$(openssl rand -hex 8)" -sha256 -days 36500 \
    -extfile "$made/$name.ext" -out "$name.pem" 2> /dev/null
}
p256='ec -pkeyopt ec_paramgen_curve:P-256'
authority='basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign'
stamping='basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature extendedKeyUsage=critical,timeStamping subjectKeyIdentifier=hash'
certificate root root "$p256" $authority
certificate intermediate root "$p256" $authority extendedKeyUsage=timeStamping
certificate p256 intermediate "$p256" $stamping
certificate p384 root 'ec -pkeyopt ec_paramgen_curve:P-384' $stamping
certificate rsa root rsa:2048 $stamping

# stamp NAME KEY IMPRINT-HASH SIGNER-HASH ESS-HASH ESS-CHAIN OPTIONS-OF-QUERY [CHAIN]
stamp() {
  export SIGNER_HASH=$4 ESS_HASH=$5 ESS_CHAIN=$6
  openssl ts -query -data message "-$3" $7 -out "$made/query" 2> /dev/null
  openssl ts -reply -config "$made/ts.cnf" -queryfile "$made/query" -signer "$2.pem" -inkey "$made/$2.key" ${8+-chain $8} -out "$1.tsr" 2> /dev/null
  openssl ts -verify -data message -in "$1.tsr" -CAfile root.pem -untrusted "$2.pem" ${8+-untrusted $8} > /dev/null 2>&1 || echo "openssl does not verify $1"
}
for key in p384 rsa; do
  for hash in sha256 sha384 sha512; do
    stamp "$key-$hash-certificate" $key $hash $hash $hash no -cert
    stamp "$key-$hash-bare" $key $hash $hash sha1 no ''
  done
done
stamp imprint-of-another-hash p384 sha512 sha256 sha256 no '-cert -no_nonce'
stamp chain p256 sha256 sha256 sha256 no -cert intermediate.pem
stamp chain-named p256 sha256 sha256 sha256 yes -cert intermediate.pem
rm -r "$made"
