using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Reads what fine-tuning changed, Δ = θ_i − θ_b, in fp32 and piece by piece: nothing in rows that are not both models' own, where θ_i
/// stands for θ_b, too. One object per thread.
/// </summary>
/// <param name="tuned">θ_i.</param>
/// <param name="baseModel">θ_b.</param>
/// <param name="castTo">A type that both are rounded to first, as compatibility mode does; <see langword="null"/> for none.</param>
internal sealed class DeltaReader(ModelInput tuned, ModelInput baseModel, DType? castTo)
{
    private readonly Side _tuned = new(tuned, castTo);
    private readonly Side _base = new(baseModel, castTo);
    private float[] _subtracted = [];
    private (string? Tensor, CommonRows? Rows) _common;

    /// <summary>Fills <paramref name="delta"/> from an element on.</summary>
    /// <returns>θ_b there, until the next call.</returns>
    public ReadOnlySpan<float> Read(string tensor, long start, Span<float> delta)
    {
        if (_subtracted.Length < delta.Length)
            _subtracted = new float[delta.Length];
        var subtracted = _subtracted.AsSpan(0, delta.Length);
        _base.Read(tensor, start, subtracted);
        _tuned.Read(tensor, start, delta);
        if (_common.Tensor != tensor)
            _common = (tensor, CommonRows.Of(tensor, tuned, baseModel));
        _common.Rows?.CopyOthers(start, delta, subtracted);
        BlockMath.Subtract(delta, subtracted);
        return subtracted;
    }

    private sealed class Side(ModelInput model, DType? castTo)
    {
        private readonly WindowMemory _memory = new();
        private string? _tensor;
        private TensorReader? _reader;
        private DType _dtype;

        public void Read(string tensor, long start, Span<float> values)
        {
            if (tensor != _tensor)
            {
                var content = model.Open(tensor);
                (_tensor, _reader, _dtype) = (tensor, content.NewReader(_memory), content.DType);
            }

            _reader!.Read(start, values, start + values.Length);
            if (castTo is { } cast && cast != _dtype)
                ElementConversion.Round(cast, values);
        }
    }
}
