using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Reporting;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Build;

/// <summary>The report of a merged model by its folder alone: its manifest, and its models where they are found.</summary>
internal static class ReportOfModel
{
    /// <summary>Gathers it.</summary>
    /// <param name="folder">Full path of the model's folder.</param>
    /// <param name="folders">Full paths of folders that the models may be named from, the first that has one first.</param>
    /// <param name="cacheFolder">The user's cache folder.</param>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="DiagnosticException">
    /// <see cref="DiagnosticCode.ManifestMissing"/>: the folder has no manifest; or its weights cannot be read.
    /// </exception>
    public static MergeReport Gather(
        string folder,
        IReadOnlyList<string> folders,
        string cacheFolder,
        int threads,
        MergeProgress progress,
        CancellationToken cancellation)
    {
        var manifest = OutputVerification.ManifestOf(folder);
        var team = new WorkerTeam(MergeBuild.ThreadsOf(threads), cancellation);
        var (memo, inputs) = (new DigestMemo(cacheFolder), new IdentifiedFiles());
        var hasher = new FileHasher(memo, team.Count) { Identified = inputs };
        var engine = new CpuEngine(new EngineOptions { Threads = team.Count });
        using var planner = new MergePlanner(hasher, team.Count, engine.NumericsVersion);
        var (plan, whyNot) = Plan(manifest, folder, folders, planner, cancellation);
        var store = new ContentStore(cacheFolder, new FileHasher(memo, team.Count));
        using var scores = new ScoreBuild(manifest.Name, null, engine, store, progress, team, inputs, cancellation);
        return scores.Guarded(() => null, () => new ReportGatherer(manifest, scores.Context).Gather(plan, whyNot, hasher));
    }

    /// <summary>Folders that a merged model's models may be named from: its project's, and that where other merges lie.</summary>
    public static IEnumerable<string> FoldersOf(string folder) =>
        [
            .. OwnershipRecord.Read(folder, out _) is { } record ? new[] { Path.GetDirectoryName(record.Project)! } : [],
            Path.GetDirectoryName(folder)!,
        ];

    private static (MergePlan? Plan, string? WhyNot) Plan(
        MergeManifest manifest,
        string folder,
        IReadOnlyList<string> folders,
        MergePlanner planner,
        CancellationToken cancellation)
    {
        var own = Directory.CreateTempSubdirectory("mergetasks-report-").FullName;
        try
        {
            var recipe = Path.Combine(own, "recipe.yml");
            File.WriteAllText(recipe, manifest.Recipe);
            var names = manifest.Inputs.SelectMany(input => input.Model.Split('+')).Distinct().ToList();
            var sources = names.Select(name => (Name: name, Folder: Find(name, folders)))
                .Where(source => source.Folder is not null)
                .Select(source => Item("MergeSource", source.Folder!, recipe, ("As", source.Name), ("Into", manifest.Name)))
                .ToList();
            var merge = Item("MergedModel", recipe, recipe, ("MergedModelName", manifest.Name), ("OutputDirectory", folder));
            var project = new ProjectDefaults(Path.Combine(folders[0], "report"), own);
            return (planner.Plan(DeclarationReader.Read(project, [merge], sources).Single(), cancellation), null);
        }
        catch (DiagnosticException e)
        {
            return (null, e.Diagnostics[0].Message.TrimEnd('.'));
        }
        finally
        {
            Directory.Delete(own, recursive: true);
        }
    }

    private static string? Find(string name, IReadOnlyList<string> folders) =>
        folders.Select(folder => Path.GetFullPath(Path.Combine(folder, name.Replace('\\', '/')))).FirstOrDefault(Directory.Exists);

    private static DeclaredItem Item(string type, string include, string file, params (string Name, string Value)[] metadata) =>
        new(type, include, metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase), file);
}
