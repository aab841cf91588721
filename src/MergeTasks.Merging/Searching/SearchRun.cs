using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Searching;

/// <summary>
/// Measures models and candidates of a search on its items, in steps: the first quarter of those that choose, up to half of them, all, and
/// those that are held out. Every step of every candidate is kept in the store by what it depends on, so a search that is run again goes on
/// where it was ended.
/// </summary>
internal sealed class SearchRun : IDisposable
{
    private static readonly double[] Shares = [0.25, 0.5, 1];

    private readonly SearchDeclaration _search;
    private readonly Measurable _measurable;
    private readonly ScoreBuild _scores;
    private readonly IReadOnlyList<SearchItems> _data;
    private MergedInMemory? _merged;

    /// <summary>Prepares: reads the items.</summary>
    /// <param name="search">The search.</param>
    /// <param name="plan">Any of its candidates.</param>
    /// <param name="measurable">Knows what can be measured.</param>
    /// <param name="scores">Runs models and keeps results.</param>
    /// <exception cref="DiagnosticException">The files cannot be used, or have too few items.</exception>
    public SearchRun(SearchDeclaration search, MergePlan plan, Measurable measurable, ScoreBuild scores)
    {
        (_search, _measurable, _scores) = (search, measurable, scores);
        var output = OutputOf(plan);
        var encoder = scores.Guarded(
            () => null, () => new TextEncoder(measurable.Describe(output), TokenizerOf(plan).Load()));
        _data = [.. search.Data.Select(file => scores.Guarded(
            () => new ItemScoreRequest(new ScoreKey("", []), output.Declaration, file, "items", () => default, []),
            () => SearchItems.Read(file, measurable.DigestOf(file), encoder, search.TokensPerText, search.HeldOut)))];
        var few = _data.Where(file => Math.Min(file.Selecting.Count, file.Held.Count) < SearchItems.Fewest).Select(file => new Diagnostic(
            DiagnosticCode.TooFewItems,
            string.Create(
                CultureInfo.InvariantCulture,
                $"MergeSearch '{search.Merge}': '{file.File.Label}' has {file.Selecting.Count + file.Held.Count} different items, of which "
                    + $"{file.Held.Count} would be held out and {file.Selecting.Count} choose; either part needs {SearchItems.Fewest}."),
            file.File.Location)).ToList();
        if (few.Count > 0)
            throw new DiagnosticException(few);
        Encoder = encoder;
    }

    /// <summary>The share of the choosing items that have been seen after each step.</summary>
    public static IReadOnlyList<double> Steps => Shares;

    /// <summary>The files with their items.</summary>
    public IReadOnlyList<SearchItems> Data => _data;

    /// <summary>Makes ids of texts, as the output takes them.</summary>
    public TextEncoder Encoder { get; }

    /// <summary>A model that stands by itself.</summary>
    public ScoredSubject Of(OpenModel model)
    {
        var tokenizer = _measurable.Tokenizer(model);
        var run = new RunnableModel(model.Input, _measurable.Describe(model), null, []);
        LoadedModel? loaded = null;
        return new ScoredSubject(
            model.Declaration,
            [.. run.Identity(_scores.Context.Cancellation), .. _measurable.Reading(tokenizer)],
            () =>
            {
                loaded ??= run.Load(_scores.Context.Engine);
                return (loaded.Model, new TextEncoder(loaded.Model.Description, tokenizer.Load()));
            },
            () => loaded?.Dispose());
    }

    /// <summary>A candidate, which is made when the store lacks one of its scores.</summary>
    public ScoredSubject Of(MergePlan plan)
    {
        var (output, tokenizer) = (OutputOf(plan), TokenizerOf(plan));
        LoadedModel? host = null;
        ITransformerModel? model = null;
        return new ScoredSubject(
            output.Declaration,
            [
                new("tensors", plan.TensorsDigest),
                new("config", ContentDigest.Of(plan.Config.Text).ToString()),
                .. _measurable.Reading(tokenizer),
            ],
            () =>
            {
                host ??= new RunnableModel(output.Input, _measurable.Describe(output), null, []).Load(_scores.Context.Engine);
                model ??= Make(plan).In(host.Model, 1);
                return (model, new TextEncoder(model.Description, tokenizer.Load()));
            },
            () =>
            {
                model?.Dispose();
                host?.Dispose();
            });
    }

    /// <summary>The scores of one step, of each file's items.</summary>
    /// <param name="subject">The model.</param>
    /// <param name="step">Which of <see cref="Steps"/>; <see langword="null"/>: the items that are held out.</param>
    public IReadOnlyList<double[]> Score(ScoredSubject subject, int? step)
    {
        var items = _data.Select(file => Part(file, step)).ToList();
        var request = new ItemScoreRequest(
            new ScoreKey("search items",
            [
                .. subject.Identity,
                .. _data.Select((file, i) => KeyValuePair.Create($"data {i}", file.Digest)),
                new("items", step is { } part ? $"{part} of {string.Join(' ', Shares.Select(Text))}" : "held"),
                new("held out", Text(_search.HeldOut)),
                new("tokens per text", _search.TokensPerText.ToString(CultureInfo.InvariantCulture)),
            ]),
            subject.Model,
            _search.Data[0],
            step is null ? "items that are held out" : "items that choose",
            subject.Open,
            items);
        return _scores.Guarded(() => request, () => request.Result(_scores.Context));
    }

    public void Dispose() => _merged?.Dispose();

    private MergedInMemory Make(MergePlan plan)
    {
        using var decided = DecidedMerge.Of(plan, _scores);
        var earlier = _merged;
        _merged = null;
        return _merged = new MergedInMemory(decided.MadeBy ?? plan, decided.Importance, _scores.Context, earlier);
    }

    private static IReadOnlyList<SearchItem> Part(SearchItems file, int? step)
    {
        if (step is not { } part)
            return file.Held;
        var (first, end) = (part == 0 ? 0 : End(part - 1), End(part));
        return [.. file.Selecting.Skip(first).Take(end - first)];

        int End(int of) => (int)Math.Ceiling(Shares[of] * file.Selecting.Count);
    }

    // The output as it will be, with the donors' tensors until what is merged takes their place.
    private static OpenModel OutputOf(MergePlan plan)
    {
        var donor = plan.Declaration.Base is { } named
            ? plan.Models.FirstOrDefault(model => model.Declaration.IsSameModel(named)) ?? plan.Models[0] : plan.Models[0];
        return new OpenModel(new ModelDeclaration(plan.Name, plan.Declaration.Location), new LayoutInput(plan.Layout, donor.Input));
    }

    private static TokenizerFile TokenizerOf(MergePlan plan) =>
        new(plan.DonorFiles.FirstOrDefault(file => file.Name == "tokenizer.json")
            ?? throw plan.Declaration.Fault(
                DiagnosticCode.NotScorable, "no model has a tokenizer.json, so candidates of its search cannot be measured."),
            plan.Declaration.OutputFolder);

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}

/// <summary>What is scored in a search: a model, or a candidate.</summary>
/// <param name="Model">Its name and place.</param>
/// <param name="Identity">What identifies it in keys.</param>
/// <param name="Open">The model, made and loaded at the first call.</param>
/// <param name="Close">Ends what was opened.</param>
internal sealed record ScoredSubject(
    ModelDeclaration Model,
    IReadOnlyList<KeyValuePair<string, string>> Identity,
    Func<(ITransformerModel Model, TextEncoder Encoder)> Open,
    Action Close) : IDisposable
{
    public void Dispose() => Close();
}
