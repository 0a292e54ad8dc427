package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds main packages for this machine into dir, each by the last part of its path. The flags are those of the rest of
// the build, so that what is in the build cache serves: another set compiles the Graph SDK anew, for minutes.
func Build(ctx context.Context, dir string, packages ...string) error {
	return goBuild(ctx, nil, append([]string{"-o", dir + string(filepath.Separator), "-tags", "lambda.norpc", "-ldflags", "-s -w"}, packages...))
}

// BuildDeployable builds a main package as the templates do, a static binary for arm64, and gives the file's name.
func BuildDeployable(ctx context.Context, dir, pkg string) (string, error) {
	name := filepath.Join(dir, "bootstrap")
	return name, goBuild(ctx, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"},
		[]string{"-o", name, "-p", "1", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", pkg})
}

func goBuild(ctx context.Context, env, args []string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("local: go build %s: %w\n%s", args[len(args)-1], err, out)
	}
	return nil
}
