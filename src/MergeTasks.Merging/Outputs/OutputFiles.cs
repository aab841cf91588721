using System.Text;
using MergeTasks.Checkpoints;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs;

/// <summary>The files of an output beside its weights and its manifest.</summary>
internal static class OutputFiles
{
    /// <summary>The donor's files, the configuration, the shard index where there are several shards, and the model card.</summary>
    public static IReadOnlyList<SideFile> Make(MergePlan plan)
    {
        var files = plan.DonorFiles.ToList();
        files.Add(plan.AdapterConfig is { } adapter ? SideFile.Of(AdapterConfig.FileName, adapter) : SideFile.Of(ModelConfig.FileName, plan.Config.Text));
        files.Add(SideFile.Of(ModelCard.FileName, Encoding.UTF8.GetBytes(ModelCard.Of(plan))));
        if (plan.Shards.Count > 1)
        {
            var tensors = plan.Shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.FileName)));
            files.Add(SideFile.Of(ShardIndex.FileName, ShardIndex.Write(tensors, plan.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength)))));
        }

        return [.. files.OrderBy(file => file.Name, StringComparer.Ordinal)];
    }
}
