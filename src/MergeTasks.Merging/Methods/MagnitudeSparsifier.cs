namespace MergeTasks.Merging.Methods;

/// <summary>
/// Keeps the ⌊density·n⌋ elements of largest magnitude; of equal magnitudes at the threshold, those of lowest flat index. The threshold is
/// found exactly and without sorting the tensor: a sample of some blocks brackets it, one pass counts what lies above and collects what lies
/// within. Where the bracket missed, or held too much for the memory, two passes of histograms find the threshold instead, and a
/// third one its equals.
/// </summary>
internal sealed class MagnitudeSparsifier : ISparsifier
{
    // Magnitudes held in memory while a tensor is looked at, for all models together: 32 MB.
    private const int Capacity = 8 << 20;

    private const int MinSampledBlocks = 64;
    private const int MaxSampledBlocks = 256;

    private readonly MagnitudeSelection[] _selections;
    private readonly int _workers;
    private readonly long _blocks;
    private Pass _pass;

    public MagnitudeSparsifier(TensorContext context, int capacity = Capacity)
    {
        _workers = context.Workers;
        _blocks = (context.ElementCount + TensorMerge.BlockLength - 1) / TensorMerge.BlockLength;
        var models = context.Inputs.Where(input => !input.IsBase).ToList();
        _selections = [.. models.Select(input => new MagnitudeSelection(context.ElementCount, input["density"], capacity / models.Count))];
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

    public bool IsSequential => false;

    public int Stride => _pass == Pass.Sample ? (int)(_blocks / Math.Clamp(_blocks / 32, MinSampledBlocks, MaxSampledBlocks)) : 1;

    public bool BeginPass()
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

    public void Analyze(int model, MergeBlock block, ReadOnlySpan<float> delta)
    {
        var selection = _selections[model];
        if (!TakesPart(selection))
            return;
        switch (_pass)
        {
            case Pass.Sample:
                selection.Sample(block.Index / Stride, delta);
                break;
            case Pass.Bracket:
                selection.Bracket(block.Index, delta);
                break;
            case Pass.UpperHistogram or Pass.LowerHistogram:
                selection.Histogram(block.Worker, delta);
                break;
            case Pass.Ties:
                selection.Ties(block.Index, delta);
                break;
        }
    }

    public void EndPass()
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

    public void BeginMasking(bool isLast)
    {
    }

    public void Mask(int model, MergeBlock block, Span<float> delta) => _selections[model].Mask(block.Index, delta);

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
