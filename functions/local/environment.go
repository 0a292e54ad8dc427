package local

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Where everything pretends to be.
const (
	Region  = "us-east-1"
	Account = "123456789012"
)

// environment is what a process finds: what Lambda sets ("Using Lambda environment variables"), with credentials that are
// nobody's, then the function's own. Nothing of this process's environment is handed on.
func (f *Function) environment(runtimeAPI string) []string {
	memory := f.Memory
	if memory == 0 {
		memory = 512
	}
	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(memory),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "2026/03/02/[$LATEST]0123456789abcdef0123456789abcdef",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_REGION":                      Region,
		"AWS_DEFAULT_REGION":              Region,
		"AWS_ACCESS_KEY_ID":               "AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY":           "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AWS_SESSION_TOKEN":               "local",
		"AWS_EC2_METADATA_DISABLED":       "true",
		"_HANDLER":                        "bootstrap",
		"LAMBDA_TASK_ROOT":                os.TempDir(),
		"LANG":                            "en_US.UTF-8",
		"TZ":                              ":UTC",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
	}
	for name, value := range f.Env {
		env[name] = value
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// Usage is what one process has used so far. It is zero where the system has no /proc.
type Usage struct {
	CPU  time.Duration // in user and system mode, to ten milliseconds
	Peak float64       // most memory that was resident at once, in MB
}

// Usage tells of all processes that are there, idle ones included.
func (f *Function) Usage() (list []Usage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.running {
		list = append(list, usage(r.cmd.Process.Pid))
	}
	for _, r := range f.idle {
		list = append(list, usage(r.cmd.Process.Pid))
	}
	return list
}

func usage(pid int) (u Usage) {
	dir := "/proc/" + strconv.Itoa(pid)
	if status, err := os.ReadFile(dir + "/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kb, _ := strconv.Atoi(strings.Fields(rest)[0]) // the kernel wrote it
				u.Peak = float64(kb) / 1024
			}
		}
	}
	if stat, err := os.ReadFile(dir + "/stat"); err == nil {
		text := string(stat)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+2:]) // the name before may hold anything
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		u.CPU = time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
	}
	return u
}
