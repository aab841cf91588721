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
    private Pass _pass;

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

    private enum Pass
    {
        None,
        Sample,
        Bracket,
        UpperHistogram,
        LowerHistogram,
        Ties,
        Finished,
    }

    /// <summary>In the pass begun last, only every so many-th block is looked at.</summary>
    public int Stride => _pass == Pass.Sample ? (int)(_blocks / Math.Clamp(_blocks / 32, MinSampledBlocks, MaxSampledBlocks)) : 1;

    /// <summary>The selections, in order.</summary>
    public IReadOnlyList<MagnitudeSelection> Selections => _selections;

    /// <summary>Starts the next pass.</summary>
    /// <returns><see langword="false"/>: everything is found.</returns>
    public bool Begin()
    {
        do
            _pass++;
        while (_pass < Pass.Finished && !Array.Exists(_selections, TakesPart));
        foreach (var selection in Participants())
        {
            switch (_pass)
            {
                case Pass.Sample:
                    selection.BeginSample((int)((_blocks + Stride - 1) / Stride));
                    break;
                case Pass.Bracket:
                    selection.BeginBracket();
                    break;
                case Pass.UpperHistogram:
                    selection.BeginHistogram(_workers);
                    break;
                case Pass.Ties:
                    selection.BeginTies();
                    break;
            }
        }

        return _pass != Pass.Finished;
    }

    /// <summary>Shows a selection its values of a block; called from several threads.</summary>
    public void Analyze(int which, MergeBlock block, ReadOnlySpan<float> values)
    {
        var selection = _selections[which];
        if (!TakesPart(selection))
            return;
        switch (_pass)
        {
            case Pass.Sample:
                selection.Sample(block.Index / Stride, values);
                break;
            case Pass.Bracket:
                selection.Bracket(block.Index, values);
                break;
            case Pass.UpperHistogram or Pass.LowerHistogram:
                selection.Histogram(block.Worker, values);
                break;
            case Pass.Ties:
                selection.Ties(block.Index, values);
                break;
        }
    }

    /// <summary>Ends a pass.</summary>
    public void End()
    {
        foreach (var selection in Participants())
        {
            switch (_pass)
            {
                case Pass.Bracket:
                    selection.EndBracket();
                    break;
                case Pass.UpperHistogram or Pass.LowerHistogram:
                    selection.EndHistogram(_pass == Pass.LowerHistogram);
                    break;
                case Pass.Ties:
                    selection.EndTies();
                    break;
            }
        }
    }

    private List<MagnitudeSelection> Participants() => [.. _selections.Where(TakesPart)];

    // A tensor of few blocks is collected as a whole.
    private bool TakesPart(MagnitudeSelection selection) => _pass switch
    {
        Pass.Sample => !selection.IsTrivial && _blocks >= 4 * MinSampledBlocks,
        Pass.Bracket => !selection.IsTrivial,
        Pass.UpperHistogram or Pass.LowerHistogram => !selection.IsFound,
        Pass.Ties => selection.NeedsTies,
        _ => false,
    };
}
