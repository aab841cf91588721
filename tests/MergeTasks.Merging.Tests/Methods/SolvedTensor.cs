using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The merge of one tensor from numbers at hand, without files.</summary>
internal static class SolvedTensor
{
    /// <summary>Merges a tensor as an executor would.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="method">The method.</param>
    /// <param name="sources">What the merge reads, by index.</param>
    public static float[] Merge(string method, TensorContext context, params float[][] sources)
    {
        var merge = MergeMethods.Find(method)!.Begin(context);
        var block = new MergeBlock(0);
        block.Reserve(sources.Length + 2);
        var merged = new float[context.ElementCount];
        for (var pass = 0; merge.BeginPass(pass) is var perBlock and >= 0; pass++)
        {
            Assert.Equal(0, perBlock);
            ForEachBlock(() => merge.Analyze(pass, block, []));
            merge.EndPass(pass, []);
        }

        ForEachBlock(() =>
        {
            merge.Merge(block);
            block.Output.CopyTo(merged.AsSpan((int)block.Start));
        });
        return merged;

        void ForEachBlock(Action action)
        {
            for (var index = 0L; index * TensorMerge.BlockLength < context.ElementCount; index++)
            {
                block.MoveTo(index, context.ElementCount, (input, start, values) => sources[input].AsSpan((int)start, values.Length).CopyTo(values));
                action();
            }
        }
    }
}
