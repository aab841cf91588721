using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Bench.Study;

/// <summary>A merge as a project would declare it, made in memory.</summary>
internal sealed class MergeOnTrial : IDisposable
{
    private readonly StudyOptions _options;
    private readonly ITransformerEngine _engine;
    private readonly FileHasher _hasher;
    private readonly ContentStore _store;
    private readonly MergePlanner _planner;

    public MergeOnTrial(StudyOptions options, ITransformerEngine engine, string cache)
    {
        (_options, _engine, _hasher) = (options, engine, new FileHasher(new DigestMemo(cache), options.Threads));
        _store = new ContentStore(cache, _hasher);
        _planner = new MergePlanner(_hasher, options.Threads, engine.NumericsVersion);
    }

    /// <summary>Makes a merge.</summary>
    /// <param name="method">The method.</param>
    /// <param name="variant">What goes around it.</param>
    public MergedInMemory Make(string method, Variant variant)
    {
        var plan = _planner.Plan(Declare(method, variant), CancellationToken.None);
        using var scores = new ScoreBuild(
            plan.Name, null, _engine, _store, MergeProgress.None, new WorkerTeam(_options.Threads, CancellationToken.None),
            new IdentifiedFiles(), CancellationToken.None);
        scores.Ensure(plan.Importance!.Requests);
        if (variant.IsAsBuilt && SelfCheck.Run(plan, scores.Context).LeftOut is { } steps)
            plan = plan.Without[steps];
        using var importance = LoadedImportance.Load(plan, scores.Context);
        return new MergedInMemory(plan, importance, scores.Context);
    }

    public void Dispose() => _planner.Dispose();

    private MergeDeclaration Declare(string method, Variant variant)
    {
        var project = Path.GetFullPath(Path.Combine(_options.Models, "study.csproj"));
        (string, string)[] settings =
        [
            ("Method", method), ("Base", Model(_options.Base)), ("MergeFactor", "task"),
            ("SelfCheck", variant.IsAsBuilt ? "true" : "false"),
            .. Needs(method, "t") ? [("T", "0.5")] : Array.Empty<(string, string)>(),
            .. method.StartsWith("della", StringComparison.Ordinal)
                || method.StartsWith("dare", StringComparison.Ordinal)
                || method.StartsWith("breadcrumbs", StringComparison.Ordinal)
                ? [("Density", "0.2")] : Array.Empty<(string, string)>(),
            .. variant.Settings.Any(setting => setting.Name == "Aim")
                ? [("Calibration", Path.GetFullPath(_options.Calibration)), ("AimBlock", _options.Block.ToString())]
                    : Array.Empty<(string, string)>(),
            .. variant.Settings,
        ];
        var sources = _options.Tasks.Select(task => new DeclaredItem("MergeSource", Model(task), Metadata(
        [
            ("TaskData", Path.GetFullPath(Path.Combine(_options.Data, task + ".jsonl"))),
            .. Has(method, "weight") ? [("Weight", "1")] : Array.Empty<(string, string)>(),
        ]), project)).ToList();
        return DeclarationReader.Read(
            new ProjectDefaults(project, Path.Combine(Path.GetTempPath(), "mergetasks-study")),
            [new DeclaredItem("MergedModel", "trial", Metadata(settings), project)],
            sources)[0];
    }

    /// <summary>Whether a method has a parameter.</summary>
    public static bool Has(string method, string parameter) =>
        MergeMethods.Find(method)!.Parameters.Any(declared => declared.Name == parameter);

    private static bool Needs(string method, string parameter) =>
        MergeMethods.Find(method)!.Parameters.Any(declared => declared.Name == parameter && declared.Default is null);

    private string Model(string name) => Path.GetFullPath(Path.Combine(_options.Models, name));

    private static Dictionary<string, string> Metadata(IEnumerable<(string Name, string Value)> pairs) =>
        pairs.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
}
