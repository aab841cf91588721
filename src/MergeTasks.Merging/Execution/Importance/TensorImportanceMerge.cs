using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Locating;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>What happens to one model's deltas of one tensor before the method sees them.</summary>
/// <param name="Drop">APL's dropping.</param>
/// <param name="Contribution">Factors per input channel.</param>
/// <param name="Common">The rows that model and base have in common: the others stay; <see langword="null"/>: all.</param>
internal sealed record DeltaStep(DeltaDrop? Drop, ChannelFactors? Contribution, CommonRows? Common);

/// <summary>
/// Any method's merge of one tensor with APL before it and AIM after it: the method reads θ_b + Δ' where the model has θ_b + Δ, and what it
/// merges is relaxed towards θ_b.
/// </summary>
/// <param name="inner">The method's merge.</param>
/// <param name="context">What the method knows of the tensor.</param>
/// <param name="baseTensor">The base's tensor: its index among the sources, its name, and the rows of it that are its own, if not all.</param>
/// <param name="steps">Steps by input.</param>
/// <param name="factor">The factor of the merged change.</param>
/// <param name="relaxation">AIM's last step; <see langword="null"/> for none.</param>
/// <param name="firstFreeSlot">Buffers of a block from this one on are not the method's.</param>
internal sealed class TensorImportanceMerge(
    TensorMerge inner,
    TensorContext context,
    (int Source, string Name, CommonRows? Own) baseTensor,
    IReadOnlyDictionary<int, DeltaStep> steps,
    double factor,
    Relaxation? relaxation,
    int firstFreeSlot) : TensorMerge
{
    /// <summary>Buffers of a block that it needs beside the method's.</summary>
    public const int OwnBuffers = 3;

    public override bool IsSequential => inner.IsSequential;

    public override int Stride => inner.Stride;

    public override int BeginPass(int pass) => inner.BeginPass(pass);

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        Intercept(block);
        inner.Analyze(pass, block, partials);
    }

    public override void EndPass(int pass, double[] partials) => inner.EndPass(pass, partials);

    public override void Merge(MergeBlock block)
    {
        Intercept(block);
        inner.Merge(block);
        if (relaxation is null && factor == 1)
            return;
        var origin = Origin(block);
        if (factor != 1)
            BlockMath.Stretch(block.Output, origin, factor);
        relaxation?.Apply(block.Start, block.Output, origin);
    }

    // Of a token that the base lacks there is nothing to go back to.
    private ReadOnlySpan<float> Origin(MergeBlock block)
    {
        var origin = block.Load(baseTensor.Source, firstFreeSlot);
        baseTensor.Own?.CopyOthers(block.Start, block.Output, origin);
        return origin;
    }

    private void Intercept(MergeBlock block)
    {
        if (steps.Count > 0)
            block.ReadThrough(read => (input, start, values) => Read(read, block, input, start, values));
    }

    private void Read(ElementReader read, MergeBlock block, int input, long start, Span<float> values)
    {
        read(input, start, values);
        if (!steps.TryGetValue(input, out var step) || (step.Contribution is null && step.Drop!.KeepsAll(baseTensor.Name)))
            return;
        var own = block.Buffer(firstFreeSlot + 1, values.Length);
        read(baseTensor.Source, start, own);
        step.Common?.CopyOthers(start, values, own);
        if (step.Contribution is null && step.Drop!.KeepsValues)
        {
            Select(step.Drop, block, start, values, own);
            return;
        }

        BlockMath.Subtract(values, own);
        step.Drop?.Apply(baseTensor.Name, start, values);
        step.Contribution?.Apply(start, values);
        BlockMath.Add(values, own);

        // As if a checkpoint of that type held them.
        context.Round(values);
    }

    // What is kept stays bit for bit, and what is dropped is the base's.
    private void Select(DeltaDrop drop, MergeBlock block, long start, Span<float> values, ReadOnlySpan<float> own)
    {
        var delta = block.Buffer(firstFreeSlot + 2, values.Length);
        values.CopyTo(delta);
        BlockMath.Subtract(delta, own);
        drop.Apply(baseTensor.Name, start, delta);
        for (var i = 0; i < values.Length; i++)
        {
            if (delta[i] == 0)
                values[i] = own[i];
        }
    }
}
