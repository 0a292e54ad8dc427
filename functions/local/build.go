package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds a main package as a bootstrap for this machine into dir and gives the file's name. The flags are those of the
// rest of the build, so that what is in the build cache serves: another set compiles the Graph SDK anew, for minutes.
func Build(ctx context.Context, dir, pkg string) (string, error) {
	name := filepath.Join(dir, filepath.Base(pkg), "bootstrap")
	return name, goBuild(ctx, name, pkg, nil, "-tags", "lambda.norpc", "-ldflags", "-s -w")
}

// BuildDeployable builds a main package as the templates do: a static binary for arm64.
func BuildDeployable(ctx context.Context, dir, pkg string) (string, error) {
	name := filepath.Join(dir, filepath.Base(pkg), "bootstrap")
	return name, goBuild(ctx, name, pkg, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"},
		"-p", "1", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w")
}

func goBuild(ctx context.Context, name, pkg string, env []string, flags ...string) error {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", name}, flags...), pkg)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("local: build %s: %w\n%s", pkg, err, out)
	}
	return nil
}
