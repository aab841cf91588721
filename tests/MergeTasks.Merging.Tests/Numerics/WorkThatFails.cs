using MergeTasks.Files;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>What a thread meets is what its caller meets: not a bundle of exceptions, in which nobody would find the file.</summary>
public sealed class WorkThatFails
{
    private static readonly Action<int> Fail = step =>
    {
        if (step == 3)
            throw FileFault.Changed("weights");
    };

    public static TheoryData<string> Ways() => ["loop", "team", "steps", "decomposition"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Says_what_failed(string way)
    {
        var fault = Assert.Throws<FileFault>(() =>
        {
            switch (way)
            {
                case "loop":
                    Workers.For(4, 100, Fail);
                    break;
                case "team":
                    new WorkerTeam(4, default).Run(100, sequential: false, (_, item) => Fail((int)item));
                    break;
                case "steps":
                    new MatrixWork(4, default).ForEach(100, 1 << 20, Fail);
                    break;
                default:
                    TruncatedSvd.Of(new LostRows(), rank: 2, threads: 4);
                    break;
            }
        });
        Assert.Equal(FileFaultKind.Changed, fault.Kind);
    }

    [Fact]
    public void Whoever_waits_for_a_long_piece_sleeps_and_wakes()
    {
        var done = 0;
        for (var round = 0; round < 20; round++)
            Workers.For(2, 2, _ =>
            {
                Thread.Sleep(2);
                Interlocked.Increment(ref done);
            });
        Assert.Equal(40, done);
    }

    private sealed class LostRows : IMatrixRows
    {
        public int Rows => 50;

        public int Columns => 40;

        public void Read(int row, Span<float> elements) => Fail(row);
    }
}
