using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Random;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>
/// The random numbers that decide which elements of the models' deltas are kept. By default they follow from seed, tensor name, the model's
/// position and the flat index alone; in compatibility mode one sequential generator gives them, model by model, tensor by tensor.
/// </summary>
internal sealed class MaskNumbers
{
    private readonly TensorContext _context;
    private readonly bool[] _takesPart;
    private readonly Philox[] _philox = [];
    private MersenneTwister?[] _twisters = [];

    /// <summary>Prepares.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="takesPart">By model other than the base: whether its mask takes random numbers.</param>
    public MaskNumbers(TensorContext context, bool[] takesPart)
    {
        (_context, _takesPart) = (context, takesPart);
        if (!IsSequential)
            _philox = [.. context.ModelIndices().Select(i => Philox.For(context.Seed, context.Tensor, context.Inputs[i].Position))];
    }

    /// <summary>Whether blocks must come in order.</summary>
    public bool IsSequential => _context.Draws is not null && Array.Exists(_takesPart, takesPart => takesPart);

    /// <summary>How many numbers of the sequential generator a tensor takes.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="models">Models whose mask takes random numbers.</param>
    public static long CompatibleDraws(TensorContext context, int models) => models * context.ElementCount;

    /// <summary>Starts a pass over the tensor; every pass sees the same numbers.</summary>
    public void Restart()
    {
        if (!IsSequential)
            return;

        // Each model's generator goes to where the model's numbers begin.
        var offset = _context.DrawOffset;
        _twisters = new MersenneTwister?[_takesPart.Length];
        for (var model = 0; model < _twisters.Length; model++)
        {
            if (!_takesPart[model])
                continue;
            _twisters[model] = _context.Draws!.At(offset);
            offset += CompatibleDraws(_context, 1);
        }
    }

    /// <summary>Sets each element of a block to zero that is not kept.</summary>
    /// <param name="model">The model, not counting the base.</param>
    /// <param name="block">The block.</param>
    /// <param name="probabilities">The probability of being kept, by element.</param>
    /// <param name="values">The elements.</param>
    public void Keep(int model, MergeBlock block, ReadOnlySpan<float> probabilities, Span<float> values)
    {
        if (!IsSequential)
            _philox[model].Keep(block.Start, probabilities, values);
        else
            _twisters[model]!.Keep(probabilities, values);
    }

    /// <summary>As the other overload with one probability, deciding anew; not for the sequential generator.</summary>
    /// <param name="model">The model, not counting the base.</param>
    /// <param name="block">The block.</param>
    /// <param name="probability">The probability of being kept.</param>
    /// <param name="kept">A bit for each element, 64 to a word from the lowest on.</param>
    public void Keep(int model, MergeBlock block, float probability, Span<ulong> kept) =>
        _philox[model].Keep(block.Start, probability, kept);
}
