package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"

	"github.com/payonce/payonce"
)

// keys are the merchant's signing keys, for the providers whose requests are signed. The stand-in uses the public halves.
type keys struct {
	ec            *ecdsa.PrivateKey
	rsa           *rsa.PrivateKey
	ecPEM, rsaPEM payonce.Secret
}

// writeKeys makes the keys for the other processes to read.
func writeKeys(dir string) error {
	ec, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return errors.Join(writeKey(dir, "ec.pem", ec), writeKey(dir, "rsa.pem", key))
}

func writeKey(dir, name string, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func readKeys(dir string) (*keys, error) {
	ecPEM, ec, err := readKey(dir, "ec.pem")
	if err != nil {
		return nil, err
	}
	rsaPEM, key, err := readKey(dir, "rsa.pem")
	if err != nil {
		return nil, err
	}
	k := &keys{ecPEM: ecPEM, rsaPEM: rsaPEM}
	var isEC, isRSA bool
	k.ec, isEC = ec.(*ecdsa.PrivateKey)
	k.rsa, isRSA = key.(*rsa.PrivateKey)
	if !isEC || !isRSA {
		return nil, errors.New("the keys are of other kinds")
	}
	return k, nil
}

func readKey(dir, name string) (payonce.Secret, any, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return "", nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", nil, errors.New(name + " is no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	return payonce.Secret(text), key, err
}
