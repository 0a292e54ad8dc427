package document

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/postroom/postroom/core/pipeline"
)

// parameter is a document in SSM's Parameter Store.
type parameter struct {
	client SSM
	name   string
}

func (p *parameter) latest(ctx context.Context, have string) (string, []byte, error) {
	version, content, err := p.get(ctx, p.name)
	if err != nil {
		return "", nil, err
	}
	if version == have {
		content = nil
	}
	return version, content, nil
}

func (p *parameter) at(ctx context.Context, version string) ([]byte, error) {
	if n, err := strconv.ParseInt(version, 10, 64); err != nil || n < 1 {
		return nil, errors.New("a parameter's versions are numbers from 1")
	}
	got, content, err := p.get(ctx, p.name+":"+version)
	if err == nil && got != version {
		return nil, fmt.Errorf("SSM gave version %s instead", got)
	}
	return content, err
}

// get reads by name, or by name:version.
func (p *parameter) get(ctx context.Context, selector string) (version string, content []byte, err error) {
	out, err := p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &selector, WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", nil, p.typed(err)
	}
	if out.Parameter == nil || out.Parameter.Value == nil || out.Parameter.Version < 1 {
		return "", nil, errors.New("SSM answered without a value or a version")
	}
	if len(*out.Parameter.Value) > MaxSize {
		return "", nil, &pipeline.Permanent{What: fmt.Sprintf("it has more than %d bytes", MaxSize), Fix: "put the right text into the parameter"}
	}
	return strconv.FormatInt(out.Parameter.Version, 10), []byte(*out.Parameter.Value), nil
}

func (p *parameter) typed(err error) error {
	permanent := func(what, fix string) error {
		return &pipeline.Permanent{What: what, Fix: fix, Err: short(err)}
	}
	switch code(err) {
	case "ParameterNotFound":
		return permanent("there is no parameter "+p.name, "put it: aws ssm put-parameter --type String --overwrite --name "+p.name+" --value file://postroom.yaml")
	case "ParameterVersionNotFound":
		return permanent("the parameter has no such version", "SSM keeps the last 100; the next version is read as soon as it is put")
	case "AccessDeniedException":
		return permanent("SSM refuses to give it out", "allow ssm:GetParameter on the parameter and, where it is a SecureString, kms:Decrypt on its key to the function's role")
	case "InvalidKeyId":
		return permanent("the parameter's KMS key cannot be used", "enable the key again, or put the parameter again with another")
	}
	return err
}
