package truelayer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// keysLife is how long a fetched key set is believed, whatever its headers say.
	keysLife = 30 * time.Minute
	// keysPause is how long a key that the set lacks is not asked for again: anybody can name one that does not exist.
	keysPause = time.Minute
	// keysRetry is the pause after a failed fetch while there is no set to go on with.
	keysRetry = 5 * time.Second
	// keysTimeout bounds one fetch, which serves every delivery that waits and so belongs to none of them.
	keysTimeout = 10 * time.Second
	// maxKeys is the size of the largest key set; the real ones have about 1 KiB.
	maxKeys = 64 << 10
	// coordinateSize is the length of a P-521 coordinate.
	coordinateSize = 66
)

// keySource shares the key set at one URL among all deliveries.
type keySource struct {
	url    string
	client *http.Client
	flight singleflight.Group

	mu    sync.Mutex
	cache keyCache
}

// keyCache is what is known of the key set.
type keyCache struct {
	keys      keySet
	expiresAt time.Time
	// nextAt is when it may be asked for again, and err why the last fetch failed.
	nextAt time.Time
	err    error
}

// key returns the public key with the id, nil if TrueLayer has none, or an error if that can't be told. All callers share one fetch;
// the end of ctx ends the wait, not the fetch.
func (s *keySource) key(ctx context.Context, keyID string) (*ecdsa.PublicKey, error) {
	if key, ok := s.cached(keyID); ok {
		return key, nil
	}
	fetched := s.flight.DoChan("keys", func() (any, error) { return s.refresh(context.WithoutCancel(ctx), keyID) })
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the webhook keys: %w", ctx.Err())
	case result := <-fetched:
		keys, _ := result.Val.(keySet)
		return keys[keyID], result.Err
	}
}

func (s *keySource) load() keyCache {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache
}

func (s *keySource) cached(keyID string) (*ecdsa.PublicKey, bool) {
	cache := s.load()
	key := cache.keys[keyID]
	return key, key != nil && time.Now().Before(cache.expiresAt)
}

// refresh fetches the set for the sake of a key, unless another fetch just did, or there was one too recently. A set that still
// holds stays if that fails.
func (s *keySource) refresh(ctx context.Context, keyID string) (keySet, error) {
	cache, asked := s.load(), time.Now()
	alive := asked.Before(cache.expiresAt)
	if (alive && cache.keys[keyID] != nil) || asked.Before(cache.nextAt) {
		return cache.keys, cache.err
	}
	keys, err := s.fetch(ctx)
	switch {
	case err == nil:
		cache = keyCache{keys: keys, expiresAt: asked.Add(keysLife), nextAt: asked.Add(keysPause)}
	case alive:
		cache.nextAt, cache.err = asked.Add(keysPause), err
	default:
		cache = keyCache{nextAt: asked.Add(keysRetry), err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache = cache
	return cache.keys, err
}

// fetch gets the key set. It follows no redirect: the URL is pinned. A panic of the caller's transport becomes an error: on a goroutine
// of singleflight's nobody else can recover it, and the process would end.
func (s *keySource) fetch(ctx context.Context) (keys keySet, err error) {
	defer func() {
		if p := recover(); p != nil {
			keys, err = nil, fmt.Errorf("fetch the webhook keys: the HTTP client panicked: %T", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("fetch the webhook keys: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	direct := *s.client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := direct.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch the webhook keys: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // what was read is all that counts
	text, err := io.ReadAll(io.LimitReader(res.Body, maxKeys+1))
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("fetch the webhook keys: %s answered with status %d", s.url, res.StatusCode)
	case err != nil:
		return nil, fmt.Errorf("fetch the webhook keys: %w", err)
	case len(text) > maxKeys:
		return nil, fmt.Errorf("fetch the webhook keys: %s answered with more than %d bytes", s.url, maxKeys)
	}
	keys, err = parseKeySet(text)
	if err == nil && len(keys) == 0 {
		err = errors.New("holds no P-521 key")
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the webhook keys: the answer of %s %w", s.url, err)
	}
	return keys, nil
}

// keySet holds the P-521 keys of a JWKS by id.
type keySet map[string]*ecdsa.PublicKey

// parseKeySet reads a JWKS and skips what is no P-521 key. Coordinates may lack their leading zeros, as TrueLayer's sandbox sends
// them, for which go-jose would refuse the whole set.
func parseKeySet(text []byte) (keySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("is not a JWKS")
	}
	keys := keySet{}
	for _, entry := range set.Keys {
		if keyID, key := parseKeyEntry(entry); key != nil {
			keys[keyID] = key
		}
	}
	return keys, nil
}

// parseKeyEntry reads one key of a JWKS; nil for what is no P-521 key with an id.
func parseKeyEntry(text []byte) (keyID string, key *ecdsa.PublicKey) {
	var k struct {
		KeyID string `json:"kid"`
		Type  string `json:"kty"`
		Curve string `json:"crv"`
		X     string `json:"x"`
		Y     string `json:"y"`
	}
	if json.Unmarshal(text, &k) != nil || k.Type != "EC" || k.Curve != "P-521" || k.KeyID == "" {
		return "", nil
	}
	point := append([]byte{4}, padCoordinate(k.X)...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P521(), append(point, padCoordinate(k.Y)...))
	if err != nil {
		return "", nil
	}
	return k.KeyID, key
}

// padCoordinate decodes a coordinate to its full length; nil if it can't be one.
func padCoordinate(text string) []byte {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(decoded) > coordinateSize {
		return nil
	}
	return append(make([]byte, coordinateSize-len(decoded)), decoded...)
}
