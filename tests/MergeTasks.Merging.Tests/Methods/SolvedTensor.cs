using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Execution;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The merge of one tensor from numbers at hand, without files.</summary>
internal static class SolvedTensor
{
    /// <summary>Merges a tensor as an executor would, on one thread.</summary>
    /// <param name="method">The method.</param>
    /// <param name="context">The tensor.</param>
    /// <param name="sources">What the merge reads, by index.</param>
    public static float[] Merge(string method, TensorContext context, params float[][] sources) =>
        Merge(method, context, DType.F32, sources);

    /// <summary>As the other overload, for an output of a type that may be too small for what comes out.</summary>
    public static float[] Merge(string method, TensorContext context, DType dtype, float[][] sources)
    {
        var kind = MergeMethods.Find(method)!;
        var block = new MergeBlock(0);
        block.Reserve(sources.Length + 2);
        var merged = new float[context.ElementCount];
        if (kind.NeedsSurvey)
        {
            var survey = kind.BeginSurvey([context]);
            foreach (var round in survey.Rounds())
            {
                Analyze(round.Begin(context));
                round.End();
            }

            context = context with { Survey = survey };
        }

        var merge = kind.Begin(context);
        Analyze(merge);
        var range = new ResultRange(dtype, 1);
        ForEachBlock(1, () =>
        {
            merge.Merge(block);
            range.Check(merge, block, 0);
            block.Output.CopyTo(merged.AsSpan((int)block.Start));
        });
        range.RequireAll();
        ElementConversion.Round(dtype, merged);
        return merged;

        void Analyze(TensorMerge passes)
        {
            for (var pass = 0; passes.BeginPass(pass) is var perBlock and >= 0; pass++)
            {
                var (stride, number) = (passes.Stride, pass);
                var partials = new double[((TensorMerge.BlockCount(context.ElementCount) + stride - 1) / stride) * perBlock];
                ForEachBlock(
                    stride, () => passes.Analyze(number, block, partials.AsSpan((int)(block.Index / stride * perBlock), perBlock)));
                passes.EndPass(pass, partials);
            }
        }

        void ForEachBlock(int stride, Action action)
        {
            for (var index = 0L; index * TensorMerge.BlockLength < context.ElementCount; index += stride)
            {
                block.MoveTo(
                    index, context.ElementCount, (input, start, values) => sources[input].AsSpan((int)start, values.Length).CopyTo(values));
                action();
            }
        }
    }
}
