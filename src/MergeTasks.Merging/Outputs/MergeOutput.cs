using System.Text;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Outputs;

/// <summary>What an output folder shall hold: a plan, and what is known of it beside the tensors.</summary>
/// <param name="plan">The plan.</param>
/// <param name="report">What scoring has found, once it has; part of manifest and model card.</param>
/// <param name="evaluations">What evaluations of these tensors have measured.</param>
internal sealed class MergeOutput(MergePlan plan, ImportanceReport? report = null, IReadOnlyList<ManifestEvaluation>? evaluations = null)
{
    private IReadOnlyList<SideFile>? _files;

    /// <summary>The plan.</summary>
    public MergePlan Plan => plan;

    /// <summary>What scoring has found; <see langword="null"/>: it is not known yet.</summary>
    public ImportanceReport? Report => report;

    /// <summary>What evaluations of these tensors have measured; <see langword="null"/>: nothing is known.</summary>
    public IReadOnlyList<ManifestEvaluation>? Evaluations => evaluations;

    /// <summary>
    /// All files beside weights, manifest and statement of provenance, in ordinal order: the donor's, the configuration, the shard index
    /// where there are several shards, and the model card.
    /// </summary>
    public IReadOnlyList<SideFile> Files => _files ??= Make();

    /// <summary>Names of all files of the output.</summary>
    public IEnumerable<string> FileNames =>
        plan.Shards
            .Select(shard => shard.FileName)
            .Concat(plan.Exports.Select(export => export.FileName))
            .Concat(Files.Select(file => file.Name))
            .Append(MergedFiles.Manifest)
            .Append(MergedFiles.Provenance);

    /// <summary>The same with what scoring has found.</summary>
    public MergeOutput With(ImportanceReport found) => new(plan, found, evaluations);

    /// <summary>The same with what evaluations have measured.</summary>
    public MergeOutput With(IReadOnlyList<ManifestEvaluation> measured) => new(plan, report, measured);

    private List<SideFile> Make()
    {
        var files = plan.DonorFiles.ToList();
        if (plan.HasConfig)
        {
            files.Add(
                plan.AdapterConfig is { } adapter
                    ? SideFile.Of(AdapterConfig.FileName, adapter)
                    : SideFile.Of(ModelConfig.FileName, plan.Config.Text));
        }

        files.Add(SideFile.Of(MergedFiles.Card, Encoding.UTF8.GetBytes(ModelCard.Of(this))));
        if (plan.Shards.Count > 1)
        {
            var tensors = plan.Shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.FileName)));
            files.Add(
                SideFile.Of(
                    ShardIndex.FileName,
                    ShardIndex.Write(tensors, plan.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength)))));
        }

        return [.. files.OrderBy(file => file.Name, StringComparer.Ordinal)];
    }
}
