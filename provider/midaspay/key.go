package midaspay

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/payonce/payonce/internal/adapter"
)

// minKeyBits is the documented size of a merchant's key, and the least that is trusted.
const minKeyBits = 2048

// parsePrivateKey reads an RSA private key. Its errors repeat nothing of the input.
func parsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, errors.New("holds no unencrypted private key in PEM (-----BEGIN PRIVATE KEY-----)")
	}
	if err != nil {
		return nil, errors.New("can't be parsed: it is damaged, encrypted or too short")
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < minKeyBits {
		return nil, errors.New("is not an RSA key of at least 2048 bits; make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")
	}
	return private, nil
}

// parsePlatformKeys reads MidasPay's public keys by serial.
func parsePlatformKeys(p *adapter.Problems, field string, certificates map[string]string) platformKeys {
	keys := make(platformKeys, len(certificates))
	for _, serial := range slices.Sorted(maps.Keys(certificates)) {
		name := spellSerial(serial)
		_, twice := keys[name]
		key, err := parsePublicKey([]byte(certificates[serial]))
		switch {
		case name == "":
			p.Add(field, "has an empty serial; it is what Txgw-Serial names")
		case twice:
			p.Add(field, "has serial %s twice", name)
		case err != nil:
			p.Add(field, "serial %s %v", name, err)
		default:
			keys[name] = key
		}
	}
	return keys
}

// spellSerial makes serials comparable: they are hexadecimal, in capitals.
func spellSerial(serial string) string { return strings.ToUpper(strings.TrimSpace(serial)) }

// parsePublicKey reads the RSA key of a certificate or of a public key.
func parsePublicKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is not PEM (-----BEGIN CERTIFICATE----- or -----BEGIN PUBLIC KEY-----)")
	}
	var key any
	var err error
	switch block.Type {
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certificate.PublicKey
		}
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		return nil, errors.New("is neither a certificate nor a public key")
	}
	if err != nil {
		return nil, errors.New("can't be parsed: it is damaged")
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok || public.N.BitLen() < minKeyBits {
		return nil, errors.New("is not an RSA key of at least 2048 bits")
	}
	return public, nil
}
