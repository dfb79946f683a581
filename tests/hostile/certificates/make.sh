#!/bin/sh
# Makes the certificates of the tests anew: a CA, and server certificates that are trusted, or not, for one reason each.
# Their keys are public; nothing but the tests may ever trust this CA.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

touch "$work/index"
cat > "$work/ca.cnf" <<EOT
[ca]
default_ca = tests
[tests]
new_certs_dir = $work
database = $work/index
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
EOT

# name, section of extensions, alternative name or nothing, year of the end, how to sign
certificate() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$work/$1.key" \
        -subj "/CN=conformance tests only: $1" -out "$work/$1.csr" 2>/dev/null
    sed -n "/^\[$2\]/,/^\[/{/^\[/d;p}" "$work/ca.cnf" > "$work/$1.ext"
    [ -z "$3" ] || echo "subjectAltName = $3" >> "$work/$1.ext"
    openssl ca -batch -config "$work/ca.cnf" $5 -in "$work/$1.csr" -extfile "$work/$1.ext" -notext \
        -startdate 20200101000000Z -enddate "$4" -out "$work/$1.crt" 2>/dev/null
    cat "$work/$1.crt" "$work/$1.key" > "$1.pem"
}

certificate ca authority "" 21200101000000Z "-selfsign -keyfile $work/ca.key"
signed="-cert $work/ca.crt -keyfile $work/ca.key"
certificate trusted server "IP:127.0.0.1,DNS:localhost" 21200101000000Z "$signed"
certificate elsewhere server "DNS:elsewhere.invalid" 21200101000000Z "$signed"
certificate expired server "IP:127.0.0.1" 20200102000000Z "$signed"
certificate self_signed server "IP:127.0.0.1" 21200101000000Z "-selfsign -keyfile $work/self_signed.key"
cp "$work/ca.crt" ca.pem
