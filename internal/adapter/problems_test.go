package adapter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	var p adapter.Problems
	require.NoError(t, p.Err(), "nothing is wrong yet")
	p.Require("Name", "there")
	require.NoError(t, p.Err())
	p.Require("Name", "")
	p.Add("Amount", "must be at least %d, is %d", 1, 0)
	err := p.Err()
	require.ErrorIs(t, err, payonce.ErrInvalid)
	require.NotErrorIs(t, err, payonce.ErrNotSent)
	require.EqualError(t, err, "Name: is required\nAmount: must be at least 1, is 0")
	problem := new(adapter.FieldError)
	require.ErrorAs(t, err, &problem)
	assert.Equal(t, "Name", problem.Field)
}

func TestABaseURLIsHTTPSAndNothingMore(t *testing.T) {
	t.Parallel()
	for raw, host := range map[string]string{
		"https://api.example": "api.example", "https://API.Example:8443/v1": "api.example:8443", "http://localhost": "localhost",
		"http://127.0.0.1:8080/api/v1": "127.0.0.1:8080", "http://[::1]:1": "[::1]:1", "http://127.9.9.9": "127.9.9.9",
	} {
		var p adapter.Problems
		got, ok := p.BaseURL("BaseURL", raw, "https://api.example")
		require.NoError(t, p.Err(), raw)
		assert.True(t, ok)
		assert.Equal(t, host, got)
	}
	for raw, want := range map[string]string{
		"":                               "is not a URL such as https://api.example",
		"api.canary":                     "is not a URL",
		"https:canary":                   "is not a URL",
		"https://":                       "is not a URL",
		"https://canary\x00":             "is not a URL",
		"https://canary:port":            "is not a URL",
		"http://canary":                  "must be https; http is for loopback hosts only",
		"http://127.0.0.1.canary":        "must be https; http is for loopback hosts only",
		"http://localhost.canary":        "must be https; http is for loopback hosts only",
		"ftp://canary":                   `must be https, is "ftp"`,
		"ftp://localhost":                `must be https, is "ftp"`,
		"https://user:pass@canary":       "must have no user, query or fragment",
		"https://canary?key=1":           "must have no user, query or fragment",
		"https://canary?":                "must have no user, query or fragment",
		"https://canary#part":            "must have no user, query or fragment",
		"https://canary/v1/":             "must not end in a slash",
		"http://user:pass@canary/v1/?x#": "must be https; http is for loopback hosts only\nBaseURL: must have no user, query or fragment\nBaseURL: must not end in a slash",
	} {
		var p adapter.Problems
		_, ok := p.BaseURL("BaseURL", raw, "https://api.example")
		assert.False(t, ok, raw)
		require.ErrorContains(t, p.Err(), "BaseURL: "+want)
		for _, secret := range []string{"canary", "pass", "key"} {
			assert.NotContains(t, p.Err().Error(), secret)
		}
	}
	var p adapter.Problems
	p.Add("Other", "is wrong")
	_, ok := p.BaseURL("BaseURL", "https://api.example", "")
	assert.True(t, ok, "what else is wrong does not count")
}

func TestAnIDOfAPathLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "PI-312345678901234", "b6d2_X", strings.Repeat("x", 100)} {
		var p adapter.Problems
		p.PathID("ID", id)
		assert.NoError(t, p.Err(), id)
	}
	for id, want := range map[string]string{
		"": "ID: is required", strings.Repeat("x", 101): "ID: is not an id of the provider's", "a/b": "ID: is not an id", "..": "ID: is not an id",
		"a%2fb": "ID: is not an id", "a?b": "ID: is not an id", "a#b": "ID: is not an id", "a b": "ID: is not an id", "ä": "ID: is not an id",
		"a\x00": "ID: is not an id", "a\xff": "ID: is not an id", `a\b`: "ID: is not an id", "a;b": "ID: is not an id",
	} {
		var p adapter.Problems
		p.PathID("ID", id)
		require.ErrorIs(t, p.Err(), payonce.ErrInvalid, "%q", id)
		require.ErrorContains(t, p.Err(), want)
		if id != "" {
			assert.NotContains(t, p.Err().Error(), id)
		}
	}
}

func TestAPartOfTheAccountIsPlain(t *testing.T) {
	t.Parallel()
	var good adapter.Problems
	good.AccountPart("MerchantID", "shop-1.mr", "the merchant's")
	require.NoError(t, good.Err())
	for _, value := range []string{"", "a/b", "a b", "a\n", "ä", "\x7f"} {
		var p adapter.Problems
		p.AccountPart("MerchantID", value, "the merchant's")
		require.ErrorIs(t, p.Err(), payonce.ErrInvalid, "%q", value)
	}
}

func TestAnElementStaysOneElement(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"a": "a", "SKU 1": "SKU%201", "a/b": "a%2Fb", "a?b#c": "a%3Fb%23c", "a%2fb": "a%252fb", "": "-", ".": "-", "..": "-", "...": "...",
	} {
		assert.Equal(t, want, adapter.Element(id))
	}
}

func TestAProblemIsInvalidAndNothingElse(t *testing.T) {
	t.Parallel()
	err := error(&adapter.FieldError{Field: "F", Text: "is wrong"})
	assert.EqualError(t, err, "F: is wrong")
	assert.ErrorIs(t, err, payonce.ErrInvalid)
	assert.NotErrorIs(t, err, errors.ErrUnsupported)
}
