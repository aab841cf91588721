using MergeTasks.Caching;
using MergeTasks.Caching.Remote;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>
/// Works out what is to be done: validates all merges, compares each with its output, writes a generated project per stale merge,
/// removes the outputs of merges that are no longer declared, where all items of the project can be seen.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class PlanMerges : PlanningTask
{
    /// <summary>Whether only to say what would be done.</summary>
    public bool PrintOnly { get; set; }

    /// <summary>
    /// Whether this build sees all items of the project, so that an output that none of them declares is one of a merge that is gone.
    /// </summary>
    public bool SeesAllItems { get; set; }

    /// <summary>Generated projects of the merges to run.</summary>
    [Output]
    public ITaskItem[] StaleMerges { get; set; } = [];

    /// <summary>Output folders of all merges, with <c>MergedModelName</c>.</summary>
    [Output]
    public ITaskItem[] Models { get; set; } = [];

    /// <summary>Files of all outputs, with where publishing and packing put them.</summary>
    [Output]
    public ITaskItem[] Files { get; set; } = [];

    /// <summary>Whether there was something to look into, and not only the same as the last time.</summary>
    [Output]
    public bool HasPlanned { get; set; }

    private string CacheMaxSize => Properties[ProjectProperties.CacheMaxSize];

    private string TaskAssembly => Properties[ProjectProperties.TaskAssembly];

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        CacheLimit(CacheMaxSize);
        if (!PrintOnly && MergedModels.Length == 0 && !File.Exists(OutputRecord.PathIn(MergesFolder)))
        {
            ReadUnrestored();
            return;
        }

        var record = Record();
        if (!PrintOnly && record.Find() is { } fresh)
        {
            foreach (var output in fresh)
                Log.LogMessage(MessageImportance.Normal, "{0}: up to date in {1}.", output.Name, output.Folder);
            Return(fresh);
        }
        else
        {
            Plan(record, cancellation);
        }
    }

    private void Plan(PlanRecord record, CancellationToken cancellation)
    {
        var start = FileStamp.Now;
        var merges = ReadDeclarations();
        var device = ChooseDevice();
        var build = BuildOf(merges, device);
        var states = build.Plan(cancellation);
        foreach (var state in states)
            Explain(state, build, cancellation);
        foreach (var warning in states.Where(state => state.IsFresh)
            .SelectMany(state => PhaseWarnings.Read(PhaseWarnings.PathOf(MergesFolder, state.Plan.Name))))
            Report(warning);
        if (PrintOnly)
            return;
        var stale = states.Where(state => !state.IsFresh).Select(state => state.Plan.Name).ToList();
        var projects = new GeneratedProjects(
            MergesFolder, Properties[ProjectProperties.RunTargets], TaskAssembly, Cache, CacheMaxSize, Threads)
        {
            Device = device,
            OnDevice = OnDevice(states),
            Inherited = Inherited(build),
        };
        var lists = new EditorLists(MergesFolder, Defaults);
        IReadOnlyList<string> generated = [.. projects.Write(merges, stale), .. lists.Files];
        lists.Write(
            merges,
            Evaluations,
            MergeSources.Where(source => source.GetMetadata(TakeReferencedModels.Reference).Length > 0)
                .Select(source => source.ItemSpec)
                .ToHashSet(StringComparer.Ordinal));
        HasPlanned = true;
        var outputRecord = new OutputRecord(MergesFolder, ProjectFile, Cache, cancellation);
        var unwanted = outputRecord.Update(
            [.. merges.Select(merge => merge.OutputFolder)],
            File.Exists(RestoreRecord.PathIn(MergesFolder)) ? [.. generated, RestoreRecord.PathIn(MergesFolder)] : generated);
        foreach (var left in Remove(outputRecord, unwanted, states, build))
            Log.LogMessage(MessageImportance.Normal, "{0}.", left);
        StaleMerges = [.. stale.Select(name => new TaskItem(GeneratedProjects.PathOf(MergesFolder, name)))];
        var outputs = states.Select(OutputOf).ToList();
        Return(outputs);
        if (stale.Count == 0 && !HasWarned && (SeesAllItems || unwanted.Count == 0))
            record.Write(Looked(states), start, outputs);
    }

    // A phase may run on another of MSBuild's nodes, which has not met what planning has.
    private Dictionary<string, string> Inherited(MergeBuild build) => new(
        ProjectProperties.OfWarnings.ToDictionary(property => property.Name, property => Properties[property]))
    {
        [ProjectProperties.CacheUrl.Name] =
            build.SharedScores is RemoteCache { IsClosed: true } ? RemoteSettings.None : Properties[ProjectProperties.CacheUrl],
        [ProjectProperties.CacheReadOnly.Name] = Properties[ProjectProperties.CacheReadOnly],
    };

    // Everything that the plan rests on.
    private IReadOnlyList<string> Looked(IReadOnlyList<OutputState> states) =>
    [
        Path.GetDirectoryName(TaskAssembly)!,
        OutputRecord.PathIn(MergesFolder),
        RestoreRecord.PathIn(MergesFolder),
        Properties[ProjectProperties.LockFile],
        .. DevicePaths(),
        .. PlanFootprint.PathsOf(states.Select(state => state.Plan)),
    ];

    // What a merge reads stays, also where it is what another left; and what a merge that is there made in another folder, which may be
    // another configuration's.
    private IEnumerable<string> Remove(
        OutputRecord record, IReadOnlyList<string> unwanted, IReadOnlyList<OutputState> states, MergeBuild build)
    {
        var read = PlanFootprint.PathsOf(states.Select(state => state.Plan)).Select(InputFolder.RealPath).ToHashSet(InputFolder.Paths);
        foreach (var folder in unwanted)
        {
            if (read.Contains(InputFolder.RealPath(folder)))
                yield return $"'{folder}' is left: a merge reads it";
            else if (OutputRemoval.FindMerge(ProjectFile, folder, out _) is { } merge
                && states.Any(state => state.Plan.Name.Equals(merge, StringComparison.OrdinalIgnoreCase)))
                yield return $"'{folder}' is left: merge '{merge}' is still declared, and made in another folder now";
            else if (!SeesAllItems)
                yield return $"'{folder}' is left: this build does not see all merges of the project";
            else
            {
                foreach (var left in record.Remove(folder, build.Hasher()))
                    yield return left;
            }
        }
    }

    // Merges that use the device, and those that read their outputs: whose keys name what the device has computed.
    private static HashSet<string> OnDevice(IReadOnlyList<OutputState> states)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var plan in states.Select(state => state.Plan))
        {
            if (plan.Declaration.NeedsScores || plan.ComputesOnDevice || MergeOrder.Upstream(plan.Declaration).Any(names.Contains))
                names.Add(plan.Name);
        }

        return names;
    }

    private void Return(IReadOnlyList<PlannedOutput> outputs)
    {
        Models = [.. outputs.Select(output => output.ToItem())];
        Files = [.. outputs.SelectMany(output => output.ToFileItems())];
    }

    private void Explain(OutputState state, MergeBuild build, CancellationToken cancellation)
    {
        foreach (var warning in state.Plan.Warnings)
            Report(warning);
        var importance = PrintOnly ? MessageImportance.High : MessageImportance.Normal;
        var plan = state.Plan;
        if (state.IsFresh)
            Log.LogMessage(importance, "{0}: up to date in {1}.", plan.Name, plan.Declaration.OutputFolder);
        else
            Log.LogMessage(importance, "{0}: {1} of {2} tensors to merge by {3}, {4} to write, because {5}.",
                plan.Name, state.StaleTensorCount, plan.Tensors.Count, plan.Method.Name, ByteSize.Format(
                    state.BytesToWrite), string.Join("; ", state.Reasons));
        foreach (var name in state.Changed)
            Log.LogMessage(MessageImportance.High, "{0}: {1} was changed after this merge wrote it, and is made again.", plan.Name, name);
        foreach (var name in state.Left)
            Log.LogMessage(
                MessageImportance.High,
                "{0}: {1} is left, although no part of the output any more: it was changed after this merge wrote it.",
                plan.Name,
                name);
        if (state.IsFresh && !PrintOnly)
            return;
        foreach (var note in plan.Notes)
            Log.LogMessage(MessageImportance.High, "{0}: {1}.", plan.Name, note);
        if (PrintOnly)
        {
            foreach (var line in ParameterTable.Of(plan))
                Log.LogMessage(MessageImportance.High, "{0}", line);
        }

        if (plan.Importance is null)
            return;
        foreach (var line in new MergeScorer(build).Explain(state, cancellation))
            Log.LogMessage(importance, "{0}: {1}.", plan.Name, line);
        if (!PrintOnly)
            return;
        foreach (var line in new MergeScorer(build).ExplainWork(state, cancellation))
            Log.LogMessage(importance, "{0}: {1}.", plan.Name, line);
    }

    private static PlannedOutput OutputOf(OutputState state)
    {
        var merge = state.Plan.Declaration;
        return new PlannedOutput(merge.Name, merge.OutputFolder, merge.Carried, [.. state.Output.FileNames]);
    }
}
