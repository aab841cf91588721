using System.CommandLine;
using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Library;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>evaluate</c>: models on texts and samples.</summary>
internal sealed class EvaluateCommand : ToolCommand
{
    private readonly Argument<string[]> _models = new("models")
    {
        Description = "The models, such as the base, its fine-tunes and a merge of them.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _data = new("--data")
    {
        Description = "JSONL of {\"text\"} (perplexity), {\"prompt\", \"target\"} (exact match), {\"prompt\", \"choices\", \"answer\"} or "
            + "{\"text\", \"label\"} (accuracy).",
        HelpName = "file",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int> _tokens = new("--tokens-per-text")
    {
        Description = "Most tokens of a text; default: 512.",
        HelpName = "n",
        DefaultValueFactory = _ => 512,
    };

    private readonly SharedOptions _shared;

    public EvaluateCommand(Streams streams)
        : base("evaluate", "Measure models on texts and samples; results are cached.", streams)
    {
        Arguments.Add(_models);
        Options.Add(_data);
        Options.Add(_tokens);
        _shared = new SharedOptions(this);
        _shared.AddSharedCache(this);
        _tokens.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1)
                result.AddError("--tokens-per-text is a number from 1.");
        });
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var place = new SourceLocation(screen.Streams.Folder);
        var evaluation = new EvaluationOfModels(
            _shared.Cache(parsed, screen.Streams),
            _shared.Threads(parsed),
            SharedScores.Open(
                _shared.CacheUrl(parsed), _shared.IsCacheReadOnly(parsed), warning => screen.Problem(MergeProblem.From(warning))));
        var evaluations = parsed.GetRequiredValue(_data)
            .Select(file => new EvaluationDeclaration(
                "evaluate", new DataFile(file, Path.GetFullPath(file, screen.Streams.Folder), place), place)
            { TokensPerText = parsed.GetValue(_tokens) })
            .ToList();
        var results = new List<(string Model, IReadOnlyList<Measurement> Results)>();
        using (var progress = new ProgressLine(screen.Streams))
        {
            foreach (var name in parsed.GetRequiredValue(_models))
            {
                using var model = _shared.Open(parsed, screen, name, evaluation.Hasher, cancellation);
                var told = new ReportedProgress(name, progress, screen.Problem, screen.Note);
                results.Add((name, evaluation.Of(model, evaluations, told, cancellation)));
            }
        }

        screen.Show(
            new
            {
                results = results.SelectMany(model => model.Results.Zip(evaluations, (result, own) => new
                {
                    model = model.Model,
                    data = own.Data.Label,
                    measure = MergeEvaluation.Name(result.Measure),
                    value = result.Value,
                    meanLogProbability = result.LogProbability,
                    count = result.Count,
                })),
            },
            () => screen.Table(
                ["model", "data", "measure", "#value", "#mean ln p", "#count"],
                results.SelectMany(model => model.Results.Zip(evaluations, (result, own) => (IReadOnlyList<string>)[
                    model.Model,
                    own.Data.Label,
                    MergeEvaluation.Name(result.Measure),
                    result.Measure == Measure.Perplexity
                        ? result.Value.ToString("0.000", CultureInfo.InvariantCulture)
                        : result.Value.ToString("0.0 %", CultureInfo.InvariantCulture),
                    result.LogProbability.ToString("0.0000", CultureInfo.InvariantCulture),
                    result.Count.ToString("N0", CultureInfo.InvariantCulture),
                ]))));
        return ExitCode.Done;
    }
}
