using MergeTasks.Bench.Kernels;

// products [--tokens 512] [--threads 1,2] [--seconds 2] [--layer 768x768]
// widths [--rounds 3]
var options = args.Skip(1).Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
var threads = options.GetValueOrDefault("--threads", "1,2").Split(',').Select(int.Parse).ToArray();
var tokens = int.Parse(options.GetValueOrDefault("--tokens", "512"));
var seconds = double.Parse(options.GetValueOrDefault("--seconds", "2"));
switch (args.FirstOrDefault())
{
    case "products":
        new ProductBenchmark(tokens, seconds).Run(threads, options.GetValueOrDefault("--layer"));
        return 0;
    case "widths":
        WidthBenchmark.Run(int.Parse(options.GetValueOrDefault("--rounds", "3")));
        return 0;
    case "width":
        WidthBenchmark.RunHere();
        return 0;
    default:
        Console.Error.WriteLine("usage: products [--tokens 512] [--threads 1,2] [--seconds 2] [--layer OUTxIN] | widths [--rounds 3]");
        return 2;
}
