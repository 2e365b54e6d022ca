// Package ablation_test takes the safeguards out of the code, one at a time, and requires that a test notices: a safeguard that nothing
// misses is either not needed or not tested.
//
// The code is compiled once with a switch at each safeguard (go test -overlay: the files stay as they are), and the tests are run with one
// switch after the other. PAYONCE_ABLATIONS=all does that, or a part of a safeguard's name; without it only the table is checked.
package ablation_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ablation is one safeguard: the text that is in the file exactly once, and what is compiled instead of it, where ABLATED is the switch.
type ablation struct {
	safeguard, file, text, instead string
	// in is the package whose tests must notice, by the cheapest test that does, with what it needs in its environment.
	in, by, env string
}

func ablations() []ablation {
	return slices.Concat(ofTheProtocol(), ofTheClock(), ofTheCall(), ofTheWire(), ofTheStores())
}

// root is where the module is, seen from here.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	return dir
}

// TestEveryAblationFitsTheCode keeps the table from rotting: each text is there once, and each test exists.
func TestEveryAblationFitsTheCode(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, a := range ablations() {
		assert.False(t, names[a.safeguard], "two are called %s", a.safeguard)
		names[a.safeguard] = true
		code, err := os.ReadFile(filepath.Join(root(t), a.file))
		require.NoError(t, err, a.safeguard)
		assert.Equal(t, 1, strings.Count(string(code), a.text), "%s: in %s: %s", a.safeguard, a.file, a.text)
		assert.Contains(t, a.instead, "ABLATED", a.safeguard)
		assert.True(t, hasTest(t, a.in, a.by), "%s: %s has no %s", a.safeguard, a.in, a.by)
	}
	assert.GreaterOrEqual(t, len(names), 50)
}

func hasTest(t *testing.T, in, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), in, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Contains(string(text), "\nfunc "+name+"(")
	})
}

func TestAblations(t *testing.T) {
	t.Parallel()
	which := os.Getenv("PAYONCE_ABLATIONS")
	if which == "" {
		t.Log("PAYONCE_ABLATIONS=all runs them; this checked nothing")
		return
	}
	all := ablations()
	chosen := slices.DeleteFunc(slices.Clone(all), func(a ablation) bool { return which != "all" && !strings.Contains(a.safeguard, which) })
	require.NotEmpty(t, chosen, "no safeguard has this name")
	began, binaries := time.Now(), build(t, chosen, overlay(t, all))
	t.Logf("compiled in %s", time.Since(began).Round(time.Second/10))
	t.Run("with all safeguards", func(t *testing.T) {
		for s, names := range settings(chosen) {
			out, err := run(t, binaries[s.in], s, strings.Join(names, "|"), "")
			require.NoError(t, err, "%s", out)
		}
	})
	for _, a := range chosen {
		t.Run(a.safeguard, func(t *testing.T) {
			t.Parallel()
			out, err := run(t, binaries[a.in], setting{a.in, a.env}, a.by, a.safeguard)
			require.Error(t, err, "nobody missed it: %s of %s is green", a.by, a.in)
			require.Regexp(t, regexp.MustCompile(`(?m)^\s*--- FAIL: |^panic: test timed out`), out, "no test failed, something else did")
		})
	}
}

// overlay writes the files with their switches, and the file that tells the compiler.
func overlay(t *testing.T, all []ablation) string {
	t.Helper()
	dir, code := t.TempDir(), map[string]string{}
	for _, a := range all {
		at := filepath.Join(root(t), a.file)
		if _, ok := code[at]; !ok {
			text, err := os.ReadFile(at)
			require.NoError(t, err)
			code[at] = string(text)
		}
		require.Equal(t, 1, strings.Count(code[at], a.text), a.safeguard)
		code[at] = strings.Replace(code[at], a.text, strings.ReplaceAll(a.instead, "ABLATED", fmt.Sprintf("ablated(%q)", a.safeguard)), 1)
		name := regexp.MustCompile(`(?m)^package \w+`).FindString(code[at])
		code[filepath.Join(filepath.Dir(at), "ablated.go")] = name + `

import "os"

func ablated(safeguard string) bool { return os.Getenv("PAYONCE_ABLATED") == safeguard }
`
	}
	replace := map[string]string{}
	for at, text := range code {
		replace[at] = filepath.Join(dir, fmt.Sprint(len(replace))+".go")
		require.NoError(t, os.WriteFile(replace[at], []byte(text), 0o600))
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, text, 0o600))
	return list
}

// build compiles the tests of each package.
func build(t *testing.T, chosen []ablation, overlay string) map[string]string {
	t.Helper()
	dir, binaries := t.TempDir(), map[string]string{}
	args := []string{"test", "-c", "-vet=off", "-overlay", overlay, "-o", dir + "/"}
	for _, a := range chosen {
		if binaries[a.in] == "" {
			binaries[a.in] = filepath.Join(dir, path.Base(path.Join("payonce", a.in))+".test") // as go test names it
			args = append(args, "./"+a.in)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root(t)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binaries
}

// setting is where tests run.
type setting struct{ in, env string }

// settings are the tests of each setting.
func settings(chosen []ablation) map[setting][]string {
	by := map[setting]map[string]bool{}
	for _, a := range chosen {
		s := setting{a.in, a.env}
		if by[s] == nil {
			by[s] = map[string]bool{}
		}
		by[s][a.by] = true
	}
	tests := map[setting][]string{}
	for s, names := range by {
		tests[s] = slices.Sorted(maps.Keys(names))
	}
	return tests
}

// patience is how long tests may take. One that goes on for ever without its safeguard need not do it for long.
func patience(without string) time.Duration {
	if without == "" {
		return 5 * time.Minute
	}
	return 20 * time.Second
}

// run runs tests, without a safeguard if one is named.
func run(t *testing.T, binary string, s setting, tests, without string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^("+tests+")$", "-test.timeout="+patience(without).String())
	cmd.Dir, cmd.Env = filepath.Join(root(t), s.in), append(os.Environ(), "PAYONCE_ABLATED="+without, "PAYONCE_ABLATIONS=", s.env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
