using MergeTasks.Checkpoints;

namespace MergeTasks.Merging.Methods;

/// <summary>
/// Keeps each element with probability <c>density</c>. By default the decision depends on seed, tensor name, the model's position and the
/// flat index alone; in compatibility mode it takes numbers from one sequential generator, model by model, tensor by tensor.
/// </summary>
internal sealed class RandomSparsifier : ISparsifier
{
    // Where there are several passes, masks of at most 16 MB are kept from the first: deciding costs more than looking up.
    private const long RememberedWords = 2 << 20;

    private readonly TensorContext _context;
    private readonly int[] _models;
    private readonly float[] _probabilities;
    private readonly Philox[] _philox = [];
    private ulong[][] _kept = [];
    private bool _isRemembered;
    private MersenneTwister?[] _twisters = [];

    public RandomSparsifier(TensorContext context)
    {
        _context = context;
        _models = context.ModelIndices();
        _probabilities = [.. _models.Select(i => Probability(context, context.Inputs[i]["density"]))];
        if (!IsSequential)
            _philox = [.. _models.Select(i => Philox.For(context.Seed, context.Tensor, context.Inputs[i].Position))];
    }

    public bool IsSequential => _context.Draws is not null && Array.Exists(_probabilities, IsRandom);

    public int Stride => 1;

    public static long CompatibleDraws(TensorContext context) =>
        context.Inputs.Count(input => !input.IsBase && IsRandom(Probability(context, input["density"]))) * context.ElementCount * DrawsPerElement(context);

    public bool BeginPass() => false;

    public void Analyze(int model, MergeBlock block, ReadOnlySpan<float> delta)
    {
    }

    public void EndPass()
    {
    }

    public void BeginMasking(bool isLast)
    {
        if (!IsSequential)
        {
            _isRemembered = _kept.Length > 0;
            var words = (_context.ElementCount + Philox.Group - 1) / Philox.Group;
            if (!isLast && words * _models.Length <= RememberedWords)
                _kept = [.. _probabilities.Select(probability => IsRandom(probability) ? new ulong[words] : [])];
            return;
        }

        // Every pass sees the same numbers: each model's generator goes back to where the model's numbers begin.
        var offset = _context.DrawOffset;
        _twisters = new MersenneTwister?[_models.Length];
        for (var i = 0; i < _models.Length; i++)
        {
            if (!IsRandom(_probabilities[i]))
                continue;
            _twisters[i] = _context.Draws!.At(offset);
            offset += _context.ElementCount * DrawsPerElement(_context);
        }
    }

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
        if (!IsRandom(_probabilities[model]))
            return;
        if (_philox.Length > 0)
            Mask(_philox[model], _probabilities[model], _kept.Length > 0 ? _kept[model] : [], block, delta);
        else if (DrawsPerElement(_context) == 1)
            _twisters[model]!.Keep(_probabilities[model], delta);
        else
            _twisters[model]!.KeepDouble(_probabilities[model], delta);
    }

    private void Mask(Philox philox, float probability, ulong[] all, MergeBlock block, Span<float> delta)
    {
        Span<ulong> own = stackalloc ulong[TensorMerge.BlockLength / Philox.Group];
        var count = (delta.Length + Philox.Group - 1) / Philox.Group;
        var kept = all.Length > 0 ? all.AsSpan((int)(block.Start / Philox.Group), count) : own[..count];
        if (!_isRemembered)
            philox.Keep(block.Start, probability, kept);
        KeptBits.Apply(kept, delta);
    }

    // A density of 1 keeps everything and takes no random number.
    private static bool IsRandom(float probability) => probability < 1;

    // The reference rounds the probability to the mask's type, which is bf16 for bf16 tensors and fp32 for fp16 ones.
    private static float Probability(TensorContext context, double density) =>
        density >= 1 ? 1 : context.CompatibleDType == DType.BF16 ? context.Round(density) : (float)density;

    private static int DrawsPerElement(TensorContext context) => context.CompatibleDType == DType.F64 ? 2 : 1;
}
