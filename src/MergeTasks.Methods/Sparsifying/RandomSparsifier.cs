using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Random;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>
/// Keeps each element with probability <c>density</c>, and divides by that if asked to; see <see cref="MaskNumbers"/> for what decides.
/// </summary>
internal sealed class RandomSparsifier : ISparsifier
{
    // Where there are several passes, masks of at most 16 MB are kept from the first: deciding costs more than looking up.
    private const long RememberedWords = 2 << 20;

    private readonly TensorContext _context;
    private readonly float[] _probabilities;
    private readonly bool[] _isRandom;
    private readonly MaskNumbers _numbers;
    private readonly bool _divides;
    private ulong[][] _kept = [];
    private bool _isRemembered;

    public RandomSparsifier(TensorContext context)
    {
        _context = context;
        _probabilities = [.. context.ModelIndices().Select(i => Probability(context, context.Inputs[i]["density"]))];
        _divides = context.Flag("rescale") && context.Flag("rescale_by_probability");
        _isRandom = [.. context.ModelIndices().Select(i => context.Inputs[i]["density"] < 1)];
        _numbers = new MaskNumbers(context, _isRandom);
    }

    public bool MasksHalfInSingle => true;

    public bool IsSequential => _numbers.IsSequential;

    public static long CompatibleDraws(TensorContext context) =>
        MaskNumbers.CompatibleDraws(context, context.Inputs.Count(input => !input.IsBase && input["density"] < 1));

    public void BeginMasking(bool isLast)
    {
        _numbers.Restart();
        if (IsSequential)
            return;
        _isRemembered = _kept.Length > 0;
        var words = (_context.ElementCount + Philox.Group - 1) / Philox.Group;
        if (!isLast && words * _probabilities.Length <= RememberedWords)
            _kept = [.. _isRandom.Select(isRandom => isRandom ? new ulong[words] : [])];
    }

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
        if (!_isRandom[model])
            return;
        if (!IsSequential)
        {
            Mask(model, _kept.Length > 0 ? _kept[model] : [], block, delta);
            return;
        }

        Span<float> probabilities = stackalloc float[TensorMerge.BlockLength];
        probabilities.Fill(_probabilities[model]);
        _numbers.Keep(model, block, probabilities, delta);
    }

    public void Divide(int model, MergeBlock block, Span<float> delta)
    {
        if (!IsDivided(model))
            return;

        // The reciprocal of a very small number is none.
        if (float.IsFinite(1 / _probabilities[model]))
        {
            BlockMath.Multiply(delta, 1 / _probabilities[model]);
            return;
        }

        foreach (ref var value in delta)
            value = (float)((double)value / _probabilities[model]);
    }

    public void Divide(int model, MergeBlock block, Span<double> delta)
    {
        if (!IsDivided(model))
            return;
        foreach (ref var value in delta)
            value /= _probabilities[model];
    }

    private bool IsDivided(int model) => _divides && _isRandom[model] && _probabilities[model] > 0;

    private void Mask(int model, ulong[] all, MergeBlock block, Span<float> delta)
    {
        Span<ulong> own = stackalloc ulong[TensorMerge.BlockLength / Philox.Group];
        var count = (delta.Length + Philox.Group - 1) / Philox.Group;
        var kept = all.Length > 0 ? all.AsSpan((int)(block.Start / Philox.Group), count) : own[..count];
        if (!_isRemembered)
            _numbers.Keep(model, block, _probabilities[model], kept);
        KeptBits.Apply(kept, delta);
    }

    // A density of 1 keeps everything and takes no random number; one that only rounds to 1 takes them. The reference rounds the
    // probability to the mask's type, which is bf16 for bf16 tensors and fp32 for fp16 ones.
    private static float Probability(TensorContext context, double density) =>
        density >= 1 ? 1 : context.CompatibleDType == DType.BF16 ? context.Round(density) : (float)density;
}
