using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;

namespace MergeTasks.Bench.Study;

/// <summary>The merges, declared as in a project file; each is made when it is asked for, in a folder that goes with this object.</summary>
internal sealed class StudyMerges : IDisposable
{
    // The models were trained on sequences of this length.
    public const int TrainedTokens = 128;

    private readonly string _models;
    private readonly string _cache;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mergetasks-study-");
    private readonly Dictionary<string, (MergeBuild Build, string Digest)> _merges;

    public StudyMerges(string models, string cache, IEnumerable<Candidate> candidates)
    {
        (_models, _cache) = (Path.GetFullPath(models), cache);
        _merges = candidates.AsParallel().Select(candidate => (candidate.Name, Build: Declare(candidate)))
            .Select(merge => (merge.Name, merge.Build, merge.Build.Plan(CancellationToken.None)[0].Plan.TensorsDigest))
            .ToDictionary(merge => merge.Name, merge => (merge.Build, merge.TensorsDigest), StringComparer.Ordinal);
    }

    /// <summary>Identifies the merged weights, whether they have been made or not.</summary>
    public string DigestOf(Candidate candidate) => _merges[candidate.Name].Digest;

    /// <summary>Makes a merge.</summary>
    /// <returns>Its folder.</returns>
    public string Make(Candidate candidate) =>
        _merges[candidate.Name].Build.Run(candidate.Name, Path.Combine(_folder.FullName, candidate.Name + ".lock"), MergeProgress.None, CancellationToken.None).Plan.Declaration.OutputFolder;

    public void Dispose() => _folder.Delete(recursive: true);

    private MergeBuild Declare(Candidate candidate)
    {
        var project = Path.Combine(_folder.FullName, "study.csproj");
        var merge = new DeclaredItem("MergedModel", candidate.Name, Metadata(Settings(candidate)), project);
        var sources = candidate.Models.Select(model => new DeclaredItem("MergeSource", ModelPath(model), Metadata(SourceSettings(candidate, model)), project)).ToList();
        return new MergeBuild(DeclarationReader.Read(new ProjectDefaults(project, Path.Combine(_folder.FullName, "out")), [merge], sources), _cache, threads: 0);
    }

    private IEnumerable<(string Name, string Value)> Settings(Candidate candidate) =>
    [
        ("Method", candidate.Method),
        ("Base", ModelPath(candidate.Method == "slerp" ? candidate.Models[0] : "base")),
        ("ImportanceBase", ModelPath("base")),
        .. Where(candidate.Method == "ties", ("Normalize", "false")),
        .. Where(candidate.Variant.HasFlag(Variant.Apl), ("Apl", "layer")),
        .. Where(candidate.Variant.HasFlag(Variant.Aim), ("Calibration", DataPath("calibration")), ("AimBlock", TrainedTokens.ToString())),
        .. candidate.Settings,
    ];

    private IEnumerable<(string Name, string Value)> SourceSettings(Candidate candidate, string model) =>
    [
        .. Where(model != "base", ("TaskData", DataPath(model))),
        .. Where(candidate.Method is not ("slerp" or "passthrough"), ("Weight", "1")),
    ];

    private static (string, string)[] Where(bool condition, params (string, string)[] settings) => condition ? settings : [];

    private string ModelPath(string model) => Path.Combine(_models, model);

    private string DataPath(string name) => Path.Combine(_models, "data", name + ".jsonl");

    private static Dictionary<string, string> Metadata(IEnumerable<(string Name, string Value)> pairs) =>
        pairs.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
}
