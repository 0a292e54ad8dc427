package manifest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/manifest"
)

// block is one fenced part of a page.
type block struct{ language, text string }

func blocks(page string) (out []block) {
	var open *block
	for line := range strings.SplitSeq(page, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{language: fence}
		case isFence:
			out, open = append(out, *open), nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return out
}

// TestPages holds what the pages show of manifests to what Parse says of them: an example parses, and one that is wrong on
// purpose gives just the errors in the block after it.
func TestPages(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]struct{ examples, wrong int }{
		"docs/manifest.md": {2, 1},
		"README.md":        {1, 0},
	} {
		page, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		examples, wrong := 0, 0
		all := blocks(string(page))
		for i, b := range all {
			if b.language != "yaml" {
				continue
			}
			switch first, _, _ := strings.Cut(b.text, "\n"); {
			case strings.HasPrefix(first, "version:"):
				examples++
				if _, err := manifest.Parse(file, []byte(b.text)); err != nil {
					t.Errorf("%s: the example does not parse:\n%v", file, err)
				}
			case first == "# wrong on purpose":
				wrong++
				_, err := manifest.Parse("postroom.yaml", []byte(b.text))
				if err == nil {
					t.Errorf("%s: the example that is wrong on purpose parses", file)
				} else if i+1 == len(all) || all[i+1].text != err.Error()+"\n" {
					t.Errorf("%s: the block after the wrong example should be\n%v", file, err)
				}
			}
		}
		if examples != want.examples || wrong != want.wrong {
			t.Errorf("%s has %d examples and %d that are wrong on purpose, want %d and %d", file, examples, wrong, want.examples, want.wrong)
		}
	}
}
