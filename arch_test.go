package payonce_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the code is held to. A number moves only with a reason that is written down in the commit.
const (
	maxFileLines = 400 // lines of code: neither blank nor comment
	maxFuncLines = 60  // lines of code between the braces
	maxRootNames = 60  // exported top-level names of the root package; constants count with their type, as go doc lists them
	maxNolint    = 5   // in the whole repository, each with a reason
)

const module = "github.com/payonce/payonce"

// rule says what the packages of a folder may import, tests aside. Every package may also import its own folder's others.
type rule struct {
	ours    []string // our packages; "." is the root package, a name that ends in "/..." is a folder
	foreign []string // other people's modules; nil is any, empty is none
	never   []string // from the standard library
}

var none = []string{}

// law is the import graph. A folder that is not named here may not hold Go code. The longest match counts.
var law = map[string]rule{
	".":                     {ours: []string{"internal/..."}, foreign: []string{"github.com/google/uuid", "github.com/cenkalti/backoff/v4"}, never: []string{"database/sql", "testing"}},
	"internal":              {never: []string{"testing"}},
	"internal/adapter":      {ours: []string{"."}, foreign: []string{"github.com/google/uuid"}, never: []string{"database/sql", "testing"}},
	"internal/storage":      {ours: []string{"."}, foreign: none, never: []string{"database/sql", "testing"}},
	"internal/webhook":      {ours: []string{"."}, foreign: none, never: []string{"testing"}},
	"provider":              {ours: []string{".", "internal/..."}, never: []string{"database/sql", "testing"}},
	"provider/providertest": {ours: []string{"."}, foreign: none},
	"store":                 {ours: []string{".", "internal/..."}, never: []string{"testing"}},
	"store/storetest":       {ours: []string{"."}, foreign: none},
	"simulator":             {foreign: none, never: []string{"testing"}},
	"batch":                 {ours: []string{".", "internal/..."}, never: []string{"testing"}},
	"observe":               {ours: []string{"."}, never: []string{"testing"}},
	"integration":           {ours: []string{"."}, never: []string{"testing"}},
	"cmd":                   {ours: []string{".", "internal/...", "provider/...", "store/...", "batch/...", "observe/..."}, never: []string{"testing"}},
	"examples":              {ours: []string{".", "provider/...", "store/...", "simulator/...", "batch/...", "observe/...", "integration/..."}, never: []string{"testing"}},
	"examples/fleet":        {ours: []string{".", "provider/...", "store/...", "simulator/...", "integration/...", "internal/postgrestest"}, never: []string{"testing"}}, // starts its own PostgreSQL
	"tests":                 {ours: []string{".", "internal/...", "provider/...", "store/...", "simulator/...", "batch/...", "observe/...", "integration/..."}},
	"bench":                 {ours: []string{".", "provider/...", "store/...", "simulator/...", "batch/..."}},
}

// suites are for tests: no package that ships may import them.
var suites = []string{"provider/providertest", "store/storetest"}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	graph := map[string][]string{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		imports := graph[f.dir]
		for _, spec := range f.syntax.Imports {
			imports = append(imports, strings.Trim(spec.Path.Value, `"`))
		}
		graph[f.dir] = imports
	}
	require.Contains(t, graph, ".", "the root package was not found")
	for pkg, imports := range graph {
		assert.Empty(t, breaches(pkg, imports), "imports of package %s", pkg)
	}
	for pkg := range reach(graph, ".") { // what the root links, the root's users link
		assert.Empty(t, breaches(".", graph[pkg]), "imports of package %s, which the root imports", pkg)
	}
	t.Logf("%d packages", len(graph))
}

func TestTheImportLawCatchesWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pkg, imports string
		broken       bool
	}{
		{".", "net/http", false},
		{".", "github.com/google/uuid", false},
		{".", module + "/internal/httpx", false},
		{".", "database/sql", true},
		{".", "testing", true},
		{".", "testing/synctest", true},
		{".", "github.com/google/uuidx", true},
		{".", "golang.org/x/sync/singleflight", true},
		{".", module + "/store/memstore", true},
		{".", module + "/provider/truelayer", true},
		{"internal/httpx", module + "/internal/wire", false},
		{"internal/httpx", module + "/store/memstore", true},
		{"provider/truelayer", module, false},
		{"provider/truelayer", "golang.org/x/oauth2", false},
		{"provider/truelayer", module + "/provider/truelayer/wire", false},
		{"provider/truelayer", module + "/provider/miracle", true},
		{"provider/truelayer", module + "/provider/truelayerx", true},
		{"provider/truelayer", module + "/store/memstore", true},
		{"provider/truelayer", module + "/simulator", true},
		{"provider/truelayer", module + "/provider/providertest", true},
		{"provider/providertest", "testing", false},
		{"provider/providertest", "github.com/stretchr/testify/require", true},
		{"store/sqlitestore", "database/sql", false},
		{"store/sqlitestore", module + "/provider/truelayer", true},
		{"store/sqlitestore", module + "/store/memstore", true},
		{"store/sqlitestore", module + "/store/storetest", true},
		{"simulator", "net/http", false},
		{"simulator", module, true},
		{"simulator", "github.com/google/uuid", true},
		{"simulator/cmd", module + "/simulator", false},
		{"simulator/cmd", module + "/provider/truelayer", true},
		{"examples/quickstart", module + "/simulator", false},
		{"examples/quickstart", module + "/store/storetest", true},
		{"cmd/payonce", module + "/simulator", true},
		{"tests", module + "/store/storetest", false},
		{"helpers", "fmt", true},
	} {
		assert.Equal(t, c.broken, len(breaches(c.pkg, []string{c.imports})) > 0, "%s imports %s", c.pkg, c.imports)
	}
}

// breaches returns what a package's imports have against the law.
func breaches(pkg string, imports []string) []string {
	folder := pkg
	for _, known := law[folder]; !known && folder != "."; _, known = law[folder] {
		folder = path.Dir(folder)
	}
	if folder == "." && pkg != "." {
		return []string{"no rule for this folder: write one"}
	}
	r, out := law[folder], []string{}
	for _, imp := range imports {
		switch own, ours := ownPackage(imp); {
		case ours && slices.Contains(suites, own) && folder != "tests":
			out = append(out, imp+" is for tests")
		case ours && !within(own, unit(pkg)) && !slices.ContainsFunc(r.ours, func(p string) bool { return matches(own, p) }):
			out = append(out, imp)
		case ours:
		case standard(imp):
			if slices.ContainsFunc(r.never, func(p string) bool { return within(imp, p) }) {
				out = append(out, imp)
			}
		case r.foreign != nil && !slices.ContainsFunc(r.foreign, func(p string) bool { return within(imp, p) }):
			out = append(out, imp)
		}
	}
	return out
}

// unit is the folder whose packages belong together: provider/truelayer, store/memstore, simulator, internal.
func unit(pkg string) string {
	parts := strings.Split(pkg, "/")
	if parts[0] == "provider" || parts[0] == "store" {
		return strings.Join(parts[:min(2, len(parts))], "/")
	}
	return parts[0]
}

func ownPackage(imp string) (string, bool) {
	if imp == module {
		return ".", true
	}
	return strings.CutPrefix(imp, module+"/")
}

func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

func matches(pkg, pattern string) bool {
	folder, all := strings.CutSuffix(pattern, "/...")
	return pkg == folder || all && within(pkg, folder)
}

// reach returns our packages that pkg imports, directly or not, and pkg.
func reach(graph map[string][]string, pkg string) map[string]bool {
	seen := map[string]bool{pkg: true}
	for todo := []string{pkg}; len(todo) > 0; todo = todo[1:] {
		for _, imp := range graph[todo[0]] {
			if own, ours := ownPackage(imp); ours && !seen[own] {
				seen[own] = true
				todo = append(todo, own)
			}
		}
	}
	return seen
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	t.Parallel()
	var lengths []int
	for _, f := range sources(t) {
		code := codeLines(f)
		assert.LessOrEqual(t, len(code), maxFileLines, "lines of code in %s", f.path)
		if f.test || slices.Contains(suites, f.dir) {
			continue
		}
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			first, last := f.line(fn.Body.Lbrace), f.line(fn.Body.Rbrace)
			n := 0
			for line := range code {
				if line > first && line < last {
					n++
				}
			}
			assert.LessOrEqual(t, n, maxFuncLines, "lines of %s in %s", fn.Name, f.path)
			lengths = append(lengths, max(n, 1))
		}
	}
	require.NotEmpty(t, lengths, "no function was found")
	slices.Sort(lengths)
	t.Logf("%d functions: median %d lines, 90th percentile %d, longest %d", len(lengths), lengths[len(lengths)/2], lengths[len(lengths)*9/10], lengths[len(lengths)-1])
}

// codeLines returns the lines that hold code: neither blank nor only comment.
func codeLines(f *source) map[int]bool {
	lines, files := map[int]bool{}, token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile(f.path, -1, len(f.text)), []byte(f.text), nil, 0)
	for pos, tok, lit := s.Scan(); tok != token.EOF; pos, tok, lit = s.Scan() {
		if tok == token.SEMICOLON && lit == "\n" { // put there by the scanner
			continue
		}
		for i := range 1 + strings.Count(lit, "\n") {
			lines[files.Position(pos).Line+i] = true
		}
	}
	return lines
}

func TestEveryExampleChecksItsOutput(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if !f.test {
			continue
		}
		for _, e := range doc.Examples(f.syntax) {
			assert.True(t, e.Output != "" || e.EmptyOutput, "%s: Example%s has no Output comment", f.path, e.Name)
		}
	}
}

// TestEveryFuzzTargetHasSeeds fails when a corpus was left out, or moved away: a target without seeds is always green.
func TestEveryFuzzTargetHasSeeds(t *testing.T) {
	t.Parallel()
	targets, wanted := 0, map[string]bool{}
	for _, f := range sources(t) {
		for _, decl := range f.syntax.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(function.Name.Name, "Fuzz") {
				continue
			}
			targets++
			wanted[filepath.Join(f.dir, "testdata", "fuzz", function.Name.Name)] = true
			seeds, err := filepath.Glob(filepath.Join(f.dir, "testdata", "fuzz", function.Name.Name, "*"))
			require.NoError(t, err)
			assert.GreaterOrEqual(t, len(seeds), 5, "%s: %s has too few seeds in testdata/fuzz", f.path, function.Name.Name)
		}
	}
	for _, pattern := range []string{"testdata/fuzz/*", "*/testdata/fuzz/*", "*/*/testdata/fuzz/*"} {
		corpora, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, corpus := range corpora {
			assert.True(t, wanted[corpus], "%s is a corpus whose target has gone", corpus)
		}
	}
	require.Positive(t, targets)
	t.Logf("%d fuzz targets", targets)
}

func TestLintersAreSilencedRarelyAndWithAReason(t *testing.T) {
	t.Parallel()
	withReason := regexp.MustCompile(`^//nolint:[a-z0-9,]+ // \S+`)
	var where []string
	for _, f := range sources(t) {
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				if !strings.HasPrefix(c.Text, "//"+"nolint") {
					continue
				}
				where = append(where, f.path)
				assert.Regexp(t, withReason, c.Text, "%s: name the linter and the reason", f.path)
			}
		}
	}
	assert.LessOrEqual(t, len(where), maxNolint, "silenced linters in %v", where)
}

func TestNothingSleeps(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		assert.False(t, strings.Contains(f.text, "time."+"Sleep"), "%s sleeps: select on ctx.Done() instead", f.path)
	}
}

func TestNoFileNamesAMachine(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	require.NoError(t, err)
	home := regexp.MustCompile("(?m)(^|[\\s\"'`(=:,<>])/(root|home|Users|w[o]rk)/")
	files := 0
	for name, text := range texts(t) {
		files++
		assert.Empty(t, strings.TrimSpace(home.FindString(text)), "%s names a folder of one machine", name)
		assert.False(t, strings.Contains(text, here+"/"), "%s names the folder of this checkout", name)
	}
	require.Greater(t, files, 5, "nearly no file was found")
	t.Logf("%d files", files)
}

// source is one Go file of the repository.
type source struct {
	path, dir string // from the root, with slashes
	test      bool
	text      string
	syntax    *ast.File
	files     *token.FileSet
}

func (f *source) line(p token.Pos) int { return f.files.Position(p).Line }

var (
	readAll  = sync.OnceValues(readTexts)
	parseAll = sync.OnceValues(parseSources)
)

// texts returns the repository's text files by name.
func texts(t *testing.T) map[string]string {
	t.Helper()
	all, err := readAll()
	require.NoError(t, err)
	return all
}

// sources returns the repository's Go files. It fails if there are none, so that no rule holds by default.
func sources(t *testing.T) []*source {
	t.Helper()
	all, err := parseAll()
	require.NoError(t, err)
	require.NotEmpty(t, all, "no Go file was found")
	return all
}

func parseSources() ([]*source, error) {
	all, err := readAll()
	if err != nil {
		return nil, err
	}
	var out []*source
	for name, text := range all {
		if !strings.HasSuffix(name, ".go") || strings.Contains("/"+name, "/testdata/") {
			continue
		}
		f := &source{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: text, files: token.NewFileSet()}
		if f.syntax, err = parser.ParseFile(f.files, name, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *source) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

func readTexts() (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		if err == nil && !strings.Contains(string(data), "\x00") {
			all[filepath.ToSlash(name)] = string(data)
		}
		return err
	})
	return all, err
}
