using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Selecting;

/// <summary>
/// The passes over a tensor that find the thresholds of several selections by magnitude, exactly and without sorting the tensor: a sample
/// of some blocks brackets each threshold, one pass counts what lies above and collects what lies within. Where a bracket missed, or held
/// too much for the memory, two passes of histograms find the threshold instead, and a third one its equals.
/// </summary>
internal sealed class MagnitudePasses
{
    /// <summary>Magnitudes held in memory while a tensor is looked at, for all selections together: 32 MB.</summary>
    public const int Capacity = 8 << 20;

    private const int MinSampledBlocks = 64;
    private const int MaxSampledBlocks = 256;

    private readonly MagnitudeSelection[] _selections;
    private readonly int _workers;
    private readonly long _blocks;

    /// <summary>Prepares.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="keep">How many elements each selection keeps.</param>
    /// <param name="capacity">Most magnitudes to hold in memory.</param>
    /// <param name="lastFirst">Whether of equal magnitudes those of highest index are kept, and not those of lowest.</param>
    public MagnitudePasses(TensorContext context, IReadOnlyCollection<long> keep, int capacity = Capacity, bool lastFirst = false)
    {
        _workers = context.Workers;
        _blocks = TensorMerge.BlockCount(context.ElementCount);
        _selections = [
            .. keep.Select(count =>
                new MagnitudeSelection(context.ElementCount, count, capacity / keep.Count) { KeepsLastTies = lastFirst })
        ];
    }

    /// <summary>The selections, in order.</summary>
    public IReadOnlyList<MagnitudeSelection> Selections => _selections;

    /// <summary>The passes, of which each is run before the next one is asked for: those that the selections still need by then.</summary>
    public IEnumerable<SelectionPass> Passes()
    {
        // A tensor of few blocks is collected as a whole.
        var stride = (int)(_blocks / Math.Clamp(_blocks / 32, MinSampledBlocks, MaxSampledBlocks));
        if (_blocks >= 4 * MinSampledBlocks && Those(own => !own.IsTrivial) is { } sampled)
        {
            Each(sampled, own => own.BeginSample((int)((_blocks + stride - 1) / stride)));
            yield return new SelectionPass(
                (which, block, values) => sampled[which]?.Sample(block.Index / stride, values), () => { }, stride);
        }

        if (Those(own => !own.IsTrivial) is { } open)
        {
            Each(open, own => own.BeginBracket());
            yield return new SelectionPass(
                (which, block, values) => open[which]?.Bracket(block.Index, values), () => Each(open, own => own.EndBracket()));
        }

        foreach (var isLast in new[] { false, true })
        {
            if (Those(own => !own.IsFound) is not { } missed)
                break;
            Each(missed, own => own.BeginHistogram(_workers));
            yield return new SelectionPass(
                (which, block, values) => missed[which]?.Histogram(block.Worker, values),
                () => Each(missed, own => own.EndHistogram(isLast)));
        }

        if (Those(own => own.NeedsTies) is { } tied)
        {
            Each(tied, own => own.BeginTies());
            yield return new SelectionPass(
                (which, block, values) => tied[which]?.Ties(block.Index, values), () => Each(tied, own => own.EndTies()));
        }
    }

    private static void Each(MagnitudeSelection?[] selections, Action<MagnitudeSelection> action)
    {
        foreach (var selection in selections.OfType<MagnitudeSelection>())
            action(selection);
    }

    // Those that take part, in their places; null where none does.
    private MagnitudeSelection?[]? Those(Func<MagnitudeSelection, bool> takesPart) => Array.Exists(_selections, own => takesPart(own))
        ? Array.ConvertAll(_selections, own => takesPart(own) ? own : null)
        : null;
}
