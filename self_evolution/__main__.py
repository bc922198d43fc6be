from self_evolution.cli import main

raise SystemExit(main())
